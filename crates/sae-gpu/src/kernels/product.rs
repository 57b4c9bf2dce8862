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

/// Shared memory for `depth` values of each row of a tile, and of each column.
#[derive(CubeType)]
pub(crate) struct Panels {
    pub left: Shared<[f32]>,
    pub right: Shared<[f32]>,
}

#[cube]
pub(crate) fn panels(#[comptime] tiling: Tiling) -> Panels {
    let count = comptime!(tiling.depth * tiling.line());
    Panels {
        left: Shared::<[f32]>::new_slice(count),
        right: Shared::<[f32]>::new_slice(count),
    }
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

/// A matrix that a product reads.
#[cube]
pub(crate) trait Matrix {
    /// The value in a row and column.
    fn value(&self, row: usize, column: usize) -> f32;
}

/// One that lies row by row, each of `width` values, from `start` on.
#[derive(CubeType)]
pub(crate) struct Dense<'a> {
    values: &'a [f32],
    start: usize,
    width: usize,
}

#[cube]
impl<'a> Dense<'a> {
    pub(crate) fn new(values: &'a [f32], start: usize, width: usize) -> Dense<'a> {
        Dense::<'a> {
            values,
            start,
            width,
        }
    }
}

#[cube]
impl<'a> Matrix for Dense<'a> {
    fn value(&self, row: usize, column: usize) -> f32 {
        self.values[self.start + row * self.width + column]
    }
}

/// Fills a panel: place (k, i) with the value in row `outer.first + i` and column `inner.first + k`. Beyond the ends
/// there are zeros.
#[cube]
pub(crate) fn fill_by_rows<M: Matrix>(
    panel: &mut Shared<[f32]>,
    matrix: &M,
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
            value = matrix.value(row, column);
        }
        panel[k * comptime!(tiling.line()) + i] = rounded(value, tiling);
    }
}

/// Fills a panel: place (k, i) with the value in row `inner.first + k` and column `outer.first + i`.
#[cube]
pub(crate) fn fill_by_columns<M: Matrix>(
    panel: &mut Shared<[f32]>,
    matrix: &M,
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
            value = matrix.value(row, column);
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

/// A tile of the product of rows, each of `right.inner` values, with weights.
#[cube]
pub(crate) fn rows_by_weights<M: Matrix>(
    left: &M,
    rows: usize,
    values: &[f32],
    place: &Place,
    #[comptime] right: Right,
    #[comptime] tiling: Tiling,
) -> Array<f32> {
    let mut sums = zeros(tiling);
    let mut panels = panels(tiling);
    let own = span(place.row, rows);
    let columns = span(place.column, right.outputs);
    let weights = Dense::new(values, right.start, right.width);
    for turn in 0..comptime!(right.inner.div_ceil(tiling.depth)) {
        let inner = span(turn * tiling.depth, right.inner);
        fill_by_rows::<M>(&mut panels.left, left, &own, &inner, tiling);
        if comptime!(right.by_rows) {
            fill_by_rows::<Dense<'_>>(&mut panels.right, &weights, &columns, &inner, tiling);
        } else {
            fill_by_columns::<Dense<'_>>(&mut panels.right, &weights, &columns, &inner, tiling);
        }
        multiply(&panels, &mut sums, place, tiling);
    }
    sums
}

/// Adds the products of the panels, once all units have filled them, to `sums`; they may be filled anew then.
#[cube]
pub(crate) fn multiply(
    panels: &Panels,
    sums: &mut Array<f32>,
    place: &Place,
    #[comptime] tiling: Tiling,
) {
    sync_cube();
    let count = comptime!(tiling.per_unit);
    let mut rows = Array::<f32>::new(count);
    let mut columns = Array::<f32>::new(count);
    for k in 0..comptime!(tiling.depth) {
        let line = k * comptime!(tiling.line());
        #[unroll]
        for i in 0..count {
            rows[i] = panels.left[line + place.y + comptime!(i * UNITS)];
            columns[i] = panels.right[line + place.x + comptime!(i * UNITS)];
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
    sync_cube();
}
