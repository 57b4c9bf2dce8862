//! The launch that decodes, and finds Δ of the outputs and what they add to J.

use cubecl::prelude::*;
use sae_kernels::{Reconstruction, Unit};

use super::product::{Dense, Matrix, MatrixExpand, place, rows_by_weights};
use super::samples::{Form, Gathered};
use super::sums::{sum_of_columns, sum_of_cube};
use super::units::{sigmoid, slope, value};
use crate::shape::Layer;
use crate::tiling::{Tiling, UNITS};

/// A decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DecodeForm {
    pub layer: Layer,
    /// Place of the codes in what holds the outputs of all layers.
    pub codes: usize,
    pub unit: Unit,
    pub reconstruction: Reconstruction,
    /// The form of the targets.
    pub targets: Form,
    /// Biases of the layers before it.
    pub biases: usize,
    /// Of all layers.
    pub outputs: usize,
    pub tiling: Tiling,
}

/// Δ3 from Y, X: (Z − X) ⊙ φ'(P3) / R, or (Z − X) / R for the cross-entropy. Of every tile its share of the
/// reconstruction term and of (1/R) Σ ‖x − z‖², of every row of tiles that of the bias' gradient.
#[cube(launch_unchecked)]
pub(crate) fn decode(
    targets: &[u32],
    order: &[u32],
    values: &[f32],
    codes: &[f32],
    deltas: &mut [f32],
    biases: &mut [f32],
    terms: &mut [f32],
    rows: u32,
    first: u32,
    share: f32,
    #[comptime] form: DecodeForm,
) {
    let tiling = comptime!(form.tiling);
    let layer = comptime!(form.layer);
    let side = comptime!(tiling.side());
    let rows = rows as usize;
    let place = place(CUBE_POS_Y as usize * side, CUBE_POS_X as usize * side);
    let left = Dense::new(codes, rows * form.codes, layer.inputs);
    let right = comptime!(layer.forward());
    let sums = rows_by_weights::<Dense<'_>>(&left, rows, values, &place, right, tiling);
    let targets = Gathered::new(targets, order, first, layer.outputs, form.targets);
    let count = comptime!(tiling.per_unit);
    let mut of_columns = Array::<f32>::new(count);
    #[unroll]
    for j in 0..count {
        of_columns[j] = 0.0;
    }
    let start = rows * layer.before;
    let mut term = 0.0f32;
    let mut squares = 0.0f32;
    #[unroll]
    for j in 0..count {
        let column = place.column + place.x + comptime!(j * UNITS);
        if column < layer.outputs {
            let bias = values[layer.bias + column];
            #[unroll]
            for i in 0..count {
                let row = place.row + place.y + comptime!(i * UNITS);
                if row < rows {
                    let p = sums[comptime!(i * tiling.per_unit + j)] + bias;
                    let x = targets.value(row, column);
                    let z = value(p, form.unit);
                    let error = z - x;
                    let mut delta = error * share;
                    squares += error * delta;
                    if comptime!(form.reconstruction == Reconstruction::CrossEntropy) {
                        term += cross_entropy(p, x) * share;
                    } else {
                        delta = slope(delta, z, form.unit);
                    }
                    deltas[start + row * layer.outputs + column] = delta;
                    of_columns[j] += delta;
                }
            }
        }
    }
    let start = CUBE_POS_Y as usize * form.outputs + form.biases;
    sum_of_columns(&of_columns, biases, start, layer.outputs, &place, tiling);
    let squares = sum_of_cube(squares);
    let term = sum_of_cube(term);
    if UNIT_POS == 0 {
        let cube = CUBE_POS_Y as usize * comptime!(tiling.tiles(layer.outputs));
        let cube = cube + CUBE_POS_X as usize;
        terms[2 * cube] = if comptime!(form.reconstruction == Reconstruction::CrossEntropy) {
            term
        } else {
            0.5 * squares
        };
        terms[2 * cube + 1] = squares;
    }
}

/// −x log z − (1 − x) log(1 − z) for z = 1/(1 + e^−p): with s = 1 where p > 0 and else 0 this is
/// p(s − x) + log(1 + e^−|p|), in which nothing cancels; the logarithm is right to what 1 is rounded by.
#[cube]
fn cross_entropy(p: f32, x: f32) -> f32 {
    let above = select(p > 0.0, 1.0f32, 0.0f32);
    p * (above - x) - f32::ln(sigmoid(f32::abs(p)))
}
