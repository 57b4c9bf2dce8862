//! Launches of a softmax head: its Δ and what it adds to J.

use cubecl::prelude::*;
use sae_kernels::Unit;

use super::encode::put;
use super::product::place;
use super::samples::{Inputs, inputs_by_weights};
use super::sums::{ALL, sum_of_cube};
use crate::shape::Layer;
use crate::tiling::{Tiling, UNITS};

/// A softmax head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClassifyForm {
    pub layer: Layer,
    pub inputs: Inputs,
    /// Biases of the layers before it.
    pub biases: usize,
    /// Of all layers.
    pub outputs: usize,
    pub tiling: Tiling,
}

/// P = A·W + b, into the place of Δ.
#[cube(launch_unchecked)]
pub(crate) fn weigh(
    samples: &[u32],
    order: &[u32],
    values: &[f32],
    codes: &[f32],
    deltas: &mut [f32],
    rows: u32,
    first: u32,
    #[comptime] form: ClassifyForm,
) {
    let tiling = comptime!(form.tiling);
    let layer = comptime!(form.layer);
    let side = comptime!(tiling.side());
    let rows = rows as usize;
    let place = place(CUBE_POS_Y as usize * side, CUBE_POS_X as usize * side);
    let sums = inputs_by_weights(
        samples,
        order,
        first,
        codes,
        rows,
        values,
        &place,
        form.inputs,
        tiling,
    );
    put(
        &sums,
        values,
        deltas,
        rows,
        &place,
        layer,
        Unit::Linear,
        tiling,
    );
}

/// Δ = (softmax(P) − onehot) / R in the place of P. Of the rows of every cube, which has as many as a tile, their
/// share of −(1/R) Σ log P_label, how many are most probably what they are, and their share of the bias'
/// gradient.
#[cube(launch_unchecked)]
pub(crate) fn classify(
    labels: &[u32],
    deltas: &mut [f32],
    biases: &mut [f32],
    terms: &mut [f32],
    rows: u32,
    share: f32,
    #[comptime] form: ClassifyForm,
) {
    let side = comptime!(form.tiling.side());
    let width = comptime!(form.layer.outputs);
    let rows = rows as usize;
    let unit = UNIT_POS as usize;
    let top = CUBE_POS_X as usize * side;
    let start = rows * form.layer.before;
    let row = top + unit;
    let mut entropy = 0.0f32;
    let mut hit = 0.0f32;
    if unit < side && row < rows {
        let line = start + row * width;
        let told = tell(deltas, line, labels[row], share, width);
        entropy = told.entropy;
        hit = told.hit;
    }
    sync_storage();
    let end = usize::min(top + side, rows);
    let to = CUBE_POS_X as usize * form.outputs + form.biases;
    for turn in 0..comptime!(width.div_ceil(ALL)) {
        let column = turn * ALL + unit;
        if column < width {
            let mut sum = 0.0f32;
            for row in top..end {
                sum += deltas[start + row * width + column];
            }
            biases[to + column] = sum;
        }
    }
    put_terms(terms, entropy, hit);
}

/// The sums over a cube.
#[cube]
fn put_terms(terms: &mut [f32], entropy: f32, hit: f32) {
    let entropy = sum_of_cube(entropy);
    let hits = sum_of_cube(hit);
    if UNIT_POS == 0 {
        let cube = CUBE_POS_X as usize;
        terms[2 * cube] = entropy;
        terms[2 * cube + 1] = hits;
    }
}

/// What a sample adds to the terms.
#[derive(CubeType)]
struct Told {
    entropy: f32,
    hit: f32,
}

/// Replaces P of a sample, which begins at `line`, by (softmax(P) − onehot)·`share`.
#[cube]
fn tell(values: &mut [f32], line: usize, label: u32, share: f32, #[comptime] width: usize) -> Told {
    let mut best = values[line];
    let mut most = 0u32;
    for class in 1..width {
        let p = values[line + class];
        if p > best {
            best = p;
            most = class as u32;
        }
    }
    let mut sum = 0.0f32;
    for class in 0..width {
        sum += f32::exp(values[line + class] - best);
    }
    let entropy = (f32::ln(sum) - (values[line + label as usize] - best)) * share;
    for class in 0..width {
        let probability = f32::exp(values[line + class] - best) / sum;
        let target = select(class as u32 == label, 1.0f32, 0.0f32);
        values[line + class] = (probability - target) * share;
    }
    Told {
        entropy,
        hit: select(most == label, 1.0, 0.0),
    }
}

/// [`weigh()`] and [`classify()`] in one, where a tile holds all classes.
#[cube(launch_unchecked)]
pub(crate) fn weigh_and_classify(
    samples: &[u32],
    order: &[u32],
    values: &[f32],
    codes: &[f32],
    labels: &[u32],
    deltas: &mut [f32],
    biases: &mut [f32],
    terms: &mut [f32],
    rows: u32,
    first: u32,
    share: f32,
    #[comptime] form: ClassifyForm,
) {
    let tiling = comptime!(form.tiling);
    let layer = comptime!(form.layer);
    let (side, line) = comptime!((tiling.side(), tiling.line()));
    let width = comptime!(form.layer.outputs);
    let rows = rows as usize;
    let unit = UNIT_POS as usize;
    let top = CUBE_POS_X as usize * side;
    let place = place(top, 0);
    let sums = inputs_by_weights(
        samples,
        order,
        first,
        codes,
        rows,
        values,
        &place,
        form.inputs,
        tiling,
    );
    let mut tile = Shared::<[f32]>::new_slice(comptime!(tiling.side() * tiling.line()));
    #[unroll]
    for j in 0..comptime!(tiling.per_unit) {
        let column = place.x + comptime!(j * UNITS);
        if column < width {
            let bias = values[layer.bias + column];
            #[unroll]
            for i in 0..comptime!(tiling.per_unit) {
                let row = place.y + comptime!(i * UNITS);
                tile[row * line + column] = sums[comptime!(i * tiling.per_unit + j)] + bias;
            }
        }
    }
    sync_cube();
    let mut entropy = 0.0f32;
    let mut hit = 0.0f32;
    if unit < side && top + unit < rows {
        let told = tell(
            tile.inner_mut(),
            unit * line,
            labels[top + unit],
            share,
            width,
        );
        entropy = told.entropy;
        hit = told.hit;
    }
    sync_cube();
    let start = rows * layer.before;
    let own = usize::min(top + side, rows) - top;
    for turn in 0..comptime!((tiling.side() * form.layer.outputs).div_ceil(ALL)) {
        let index = turn * ALL + unit;
        let row = index / width;
        if row < own {
            let value = tile[row * line + index % width];
            deltas[start + (top + row) * width + index % width] = value;
        }
    }
    if unit < width {
        let mut sum = 0.0f32;
        for row in 0..own {
            sum += tile[row * line + unit];
        }
        biases[CUBE_POS_X as usize * form.outputs + form.biases + unit] = sum;
    }
    put_terms(terms, entropy, hit);
}
