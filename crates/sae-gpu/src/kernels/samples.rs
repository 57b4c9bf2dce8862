//! Samples as they lie on the device.

use cubecl::prelude::*;

use super::product::{Span, rounded};
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

/// As [`fill_by_rows`](super::product::fill_by_rows), of samples: the batch's rows from `first` on.
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

/// As [`fill_by_columns`](super::product::fill_by_columns), of samples.
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
