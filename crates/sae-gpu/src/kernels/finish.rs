//! The launch that completes the gradient, and all that an update must know of it.

#![allow(
    clippy::collapsible_if,
    reason = "one condition is decided when the kernel is compiled, the other when it runs"
)]

use std::sync::Arc;

use cubecl::prelude::*;

use super::ledger::{BAD, DECAY, OF_GRADIENTS, OF_SMALLER, SMALLER, SQUARES, STOPPED};
use super::sums::{ALL, sum_of_cube};
use super::units::not_finite;
use crate::shape::{Layer, Weights};

/// All parameters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FinishForm {
    pub weights: Arc<[Weights]>,
    pub layers: Arc<[Layer]>,
    /// Rows of a tile of the launch that found each layer's Δ.
    pub sides: Arc<[usize]>,
    /// Number of parameters, and of outputs of all layers.
    pub parameters: usize,
    pub outputs: usize,
    /// Parameters of a cube.
    pub of_cube: usize,
    /// Where the gradient comes from.
    pub source: Source,
}

/// Where a gradient comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// Parts of a batch, which are to be added up.
    Parts,
    /// It is there.
    Given,
    /// There is none: only the parameters are looked at.
    Nothing,
}

/// ∇J = the sums over the parts of the batch, and `decay` times each term of decay; nothing finite where `decay` is
/// not.
#[cube(launch_unchecked)]
pub(crate) fn finish(
    parts: &[f32],
    biases: &[f32],
    values: &[f32],
    gradients: &mut [f32],
    squares: &mut [f32],
    ledger: &[f32],
    rows: u32,
    splits: u32,
    decay: f32,
    #[comptime] form: FinishForm,
) {
    let cube = CUBE_POS_X as usize;
    let unit = UNIT_POS as usize;
    let mut of_gradients = 0.0f32;
    let mut of_smaller = 0.0f32;
    let mut of_values = 0.0f32;
    let mut bad = 0.0f32;
    if comptime!(form.source != Source::Nothing) {
        if cube == 0 && unit == 0 {
            // Nothing moves any more after a step that was refused.
            bad += ledger[STOPPED];
        }
    }
    for turn in 0..comptime!(form.of_cube / ALL) {
        let index = cube * form.of_cube + turn * ALL + unit;
        if index < form.parameters {
            let value = values[index];
            let mut gradient = 0.0f32;
            if comptime!(form.source == Source::Given) {
                gradient = gradients[index];
            } else if comptime!(form.source == Source::Parts) {
                #[unroll]
                for number in 0..comptime!(form.weights.len()) {
                    let weights = comptime!(form.weights[number]);
                    let first = comptime!(weights.layer.weights);
                    if index >= first && index < comptime!(first + weights.count()) {
                        for split in 0..splits as usize {
                            gradient += parts[split * form.parameters + index];
                        }
                        let own = comptime!(f32::from_bits(weights.decay));
                        gradient += own * decay * value;
                        of_values += 0.5 * own * value * value;
                    }
                }
                #[unroll]
                for number in 0..comptime!(form.layers.len()) {
                    let layer = comptime!(form.layers[number]);
                    let first = comptime!(layer.bias);
                    if index >= first && index < comptime!(first + layer.outputs) {
                        let tiles = (rows as usize).div_ceil(comptime!(form.sides[number]));
                        let own = layer.before + index - first;
                        for tile in 0..tiles {
                            gradient += biases[tile * form.outputs + own];
                        }
                    }
                }
                if not_finite(decay) > 0.0 {
                    // A product with 0 may be left out.
                    gradient = decay;
                }
                gradients[index] = gradient;
            }
            of_gradients += gradient * gradient;
            let smaller = gradient * SMALLER;
            of_smaller += smaller * smaller;
            bad += not_finite(gradient) + not_finite(value);
        }
    }
    let of_gradients = sum_of_cube(of_gradients);
    let of_smaller = sum_of_cube(of_smaller);
    let of_values = sum_of_cube(of_values);
    let bad = sum_of_cube(bad);
    if unit == 0 {
        let at = cube * SQUARES;
        squares[at + OF_GRADIENTS] = of_gradients;
        squares[at + OF_SMALLER] = of_smaller;
        squares[at + DECAY] = of_values;
        squares[at + BAD] = bad;
    }
}
