//! A tile of a matrix product, by one cube of units.
//!
//! A cube of 16 × 16 units computes a square of outputs; unit (x, y) those in rows y, y + 16, … and columns
//! x, x + 16, …, so that neighbours read and write neighbours. What is multiplied goes through shared memory,
//! `depth` values of each row and column at a time. Each output is one chain of sums, in a fixed order.

use cubecl::prelude::*;

use super::units::not_finite;
use crate::precision::Precision;
use crate::tiling::{Tiling, UNITS};

/// Where a cube's tile lies.
#[derive(CubeType, Clone, Copy)]
pub(crate) struct Place {
    /// First row and column.
    pub row: usize,
    pub column: usize,
    /// The unit's row and column in the cube.
    pub y: usize,
    pub x: usize,
}

#[cube]
pub(crate) fn place(row: usize, column: usize) -> Place {
    let unit = UNIT_POS as usize;
    Place {
        row,
        column,
        y: unit / comptime!(UNITS),
        x: unit % comptime!(UNITS),
    }
}

/// Zeros, one for each output of a unit.
#[cube]
pub(crate) fn zeros(#[comptime] tiling: Tiling) -> Array<f32> {
    let count = comptime!(tiling.per_unit * tiling.per_unit);
    let mut sums = Array::<f32>::new(count);
    #[unroll]
    for i in 0..count {
        sums[i] = 0.0;
    }
    sums
}

/// Shared memory for `depth` values of each row, or column, of a tile.
#[cube]
pub(crate) fn panel(#[comptime] tiling: Tiling) -> Shared<[f32]> {
    Shared::<[f32]>::new_slice(comptime!(tiling.depth * tiling.line()))
}

/// From the first up to, not including, the end.
#[derive(CubeType, Clone, Copy)]
pub(crate) struct Span {
    pub first: usize,
    pub end: usize,
}

#[cube]
pub(crate) fn span(first: usize, end: usize) -> Span {
    Span { first, end }
}

/// Fills a panel: place (k, i) with the value in row `outer.first + i` and column `inner.first + k` of a matrix
/// that lies row by row, each of `width` values, from `start` on. Beyond the ends there are zeros.
#[cube]
pub(crate) fn fill_by_rows(
    panel: &mut Shared<[f32]>,
    values: &[f32],
    start: usize,
    width: usize,
    outer: &Span,
    inner: &Span,
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
            value = values[start + row * width + column];
        }
        panel[k * comptime!(tiling.line()) + i] = rounded(value, tiling);
    }
}

/// Fills a panel: place (k, i) with the value in row `inner.first + k` and column `outer.first + i` of such a
/// matrix.
#[cube]
pub(crate) fn fill_by_columns(
    panel: &mut Shared<[f32]>,
    values: &[f32],
    start: usize,
    width: usize,
    outer: &Span,
    inner: &Span,
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
            value = values[start + row * width + column];
        }
        panel[k * comptime!(tiling.line()) + i] = rounded(value, tiling);
    }
}

/// A number as products take it: in TF32 with 11 significant bits, ties to even.
#[cube]
pub(crate) fn rounded(value: f32, #[comptime] tiling: Tiling) -> f32 {
    if comptime!(tiling.precision == Precision::Tf32) {
        let bits = u32::reinterpret(value);
        let even = (bits >> 13u32) & 1u32;
        let nearest = f32::reinterpret((bits + 0xfffu32 + even) & 0xffff_e000u32);
        select(not_finite(value) > 0.0, value, nearest)
    } else {
        value
    }
}

/// Weights as a product takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Right {
    /// Place of the first.
    pub start: usize,
    /// Values of a row.
    pub width: usize,
    /// Whether outputs go along rows of the matrix; else along columns.
    pub by_rows: bool,
    /// Outputs, and values that are multiplied for each.
    pub outputs: usize,
    pub inner: usize,
}

/// A tile of the product of rows with weights. `left` lies row by row, each of `right.inner` values, from `start` on.
#[cube]
pub(crate) fn rows_by_weights(
    left: &[f32],
    start: usize,
    rows: usize,
    weights: &[f32],
    place: &Place,
    #[comptime] right: Right,
    #[comptime] tiling: Tiling,
) -> Array<f32> {
    let mut sums = zeros(tiling);
    let mut lefts = panel(tiling);
    let mut rights = panel(tiling);
    let own = span(place.row, rows);
    for turn in 0..comptime!(right.inner.div_ceil(tiling.depth)) {
        let inner = span(turn * tiling.depth, right.inner);
        fill_by_rows(&mut lefts, left, start, right.inner, &own, &inner, tiling);
        fill_weights(&mut rights, weights, place, &inner, right, tiling);
        sync_cube();
        multiply(&lefts, &rights, &mut sums, place, tiling);
        sync_cube();
    }
    sums
}

/// Fills a panel with the weights of a tile's columns.
#[cube]
pub(crate) fn fill_weights(
    panel: &mut Shared<[f32]>,
    weights: &[f32],
    place: &Place,
    inner: &Span,
    #[comptime] right: Right,
    #[comptime] tiling: Tiling,
) {
    let columns = span(place.column, right.outputs);
    let start = right.start.runtime();
    if comptime!(right.by_rows) {
        fill_by_rows(panel, weights, start, right.width, &columns, inner, tiling);
    } else {
        fill_by_columns(panel, weights, start, right.width, &columns, inner, tiling);
    }
}

/// Adds the products of two panels to `sums`.
#[cube]
pub(crate) fn multiply(
    left: &Shared<[f32]>,
    right: &Shared<[f32]>,
    sums: &mut Array<f32>,
    place: &Place,
    #[comptime] tiling: Tiling,
) {
    let count = comptime!(tiling.per_unit);
    let mut rows = Array::<f32>::new(count);
    let mut columns = Array::<f32>::new(count);
    for k in 0..comptime!(tiling.depth) {
        let line = k * comptime!(tiling.line());
        #[unroll]
        for i in 0..count {
            rows[i] = left[line + place.y + comptime!(i * UNITS)];
            columns[i] = right[line + place.x + comptime!(i * UNITS)];
        }
        #[unroll]
        for i in 0..count {
            #[unroll]
            for j in 0..count {
                let index = comptime!(i * tiling.per_unit + j);
                sums[index] = fma(rows[i], columns[j], sums[index]);
            }
        }
    }
}
