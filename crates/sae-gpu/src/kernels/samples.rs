//! Samples as they lie on the device.

use cubecl::prelude::*;

use super::product::{
    Place, Right, Span, fill_weights, multiply, panel, rounded, rows_by_weights, span, zeros,
};
use crate::tiling::{Tiling, UNITS};

/// How samples lie there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Form {
    /// Whether each is a byte v, which stands for v / 255, four to a word; else the bits of an `f32`.
    pub bytes: bool,
    /// Whether rows are taken in a given order; else one after the other.
    pub ordered: bool,
}

/// A value of the samples.
#[cube]
pub(crate) fn sample(samples: &[u32], index: usize, #[comptime] form: Form) -> f32 {
    if comptime!(form.bytes) {
        let word = samples[index / 4];
        let shift = (index % 4) as u32 * 8;
        f32::cast_from((word >> shift) & 255u32) / 255.0
    } else {
        f32::reinterpret(samples[index])
    }
}

/// The row among all samples of row `row` of a batch.
#[cube]
pub(crate) fn row_of(order: &[u32], first: usize, row: usize, #[comptime] form: Form) -> usize {
    if comptime!(form.ordered) {
        order[row] as usize
    } else {
        first + row
    }
}

/// As `fill_by_rows`, of samples: the batch's rows from `first` on.
#[cube]
pub(crate) fn fill_samples_by_rows(
    panel: &mut Shared<[f32]>,
    samples: &[u32],
    order: &[u32],
    first: usize,
    outer: &Span,
    inner: &Span,
    #[comptime] width: usize,
    #[comptime] form: Form,
    #[comptime] tiling: Tiling,
) {
    let unit = UNIT_POS as usize;
    #[unroll]
    for turn in 0..comptime!(tiling.turns()) {
        let index = unit + comptime!(turn * UNITS * UNITS);
        let k = index % comptime!(tiling.depth);
        let i = index / comptime!(tiling.depth);
        let row = outer.first + i;
        let column = inner.first + k;
        let mut value = 0.0f32;
        if row < outer.end && column < inner.end {
            let row = row_of(order, first, row, form);
            value = sample(samples, row * width + column, form);
        }
        panel[k * comptime!(tiling.line()) + i] = rounded(value, tiling);
    }
}

/// As `fill_by_columns`, of samples.
#[cube]
pub(crate) fn fill_samples_by_columns(
    panel: &mut Shared<[f32]>,
    samples: &[u32],
    order: &[u32],
    first: usize,
    outer: &Span,
    inner: &Span,
    #[comptime] width: usize,
    #[comptime] form: Form,
    #[comptime] tiling: Tiling,
) {
    let unit = UNIT_POS as usize;
    #[unroll]
    for turn in 0..comptime!(tiling.turns()) {
        let index = unit + comptime!(turn * UNITS * UNITS);
        let i = index % comptime!(tiling.side());
        let k = index / comptime!(tiling.side());
        let row = inner.first + k;
        let column = outer.first + i;
        let mut value = 0.0f32;
        if row < inner.end && column < outer.end {
            let row = row_of(order, first, row, form);
            value = sample(samples, row * width + column, form);
        }
        panel[k * comptime!(tiling.line()) + i] = rounded(value, tiling);
    }
}

/// The inputs of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Inputs {
    /// The form of the samples where these are the inputs; else the layer before it gives them.
    pub samples: Option<Form>,
    /// Their place otherwise, in what holds the outputs of all layers.
    pub start: usize,
    /// The layer's weights.
    pub right: Right,
}

/// A tile of the product of a layer's inputs with its weights.
#[cube]
pub(crate) fn inputs_by_weights(
    samples: &[u32],
    order: &[u32],
    first: usize,
    codes: &[f32],
    rows: usize,
    weights: &[f32],
    place: &Place,
    #[comptime] inputs: Inputs,
    #[comptime] tiling: Tiling,
) -> Array<f32> {
    let right = comptime!(inputs.right);
    if comptime!(inputs.samples.is_some()) {
        let form = comptime!(inputs.samples.unwrap_or_default());
        let mut sums = zeros(tiling);
        let mut lefts = panel(tiling);
        let mut rights = panel(tiling);
        let own = span(place.row, rows);
        for turn in 0..comptime!(right.inner.div_ceil(tiling.depth)) {
            let inner = span(turn * tiling.depth, right.inner);
            fill_samples_by_rows(
                &mut lefts,
                samples,
                order,
                first,
                &own,
                &inner,
                right.inner,
                form,
                tiling,
            );
            fill_weights(&mut rights, weights, place, &inner, right, tiling);
            sync_cube();
            multiply(&lefts, &rights, &mut sums, place, tiling);
            sync_cube();
        }
        sums
    } else {
        rows_by_weights(
            codes,
            rows * inputs.start,
            rows,
            weights,
            place,
            right,
            tiling,
        )
    }
}
