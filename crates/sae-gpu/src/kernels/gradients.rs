//! The launch of all weight gradients.

use std::sync::Arc;

use cubecl::prelude::*;

use super::product::{
    Dense, Matrix, Panels, Place, Span, fill_by_columns, multiply, panels, place, span, zeros,
};
use super::samples::{Form, Gathered};
use crate::shape::Weights;
use crate::tiling::{Tiling, UNITS};

/// All weights of a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct GradientsForm {
    pub weights: Arc<[Weights]>,
    pub samples: Form,
    /// Number of parameters.
    pub parameters: usize,
}

/// ∂J/∂W = Σ over samples of inputs times Δ, without decay. Samples are cut into `CUBE_COUNT_Y` parts, whose sums
/// lie one after the other, each with a place for every parameter.
#[cube(launch_unchecked)]
pub(crate) fn gradients(
    samples: &[u32],
    order: &[u32],
    codes: &[f32],
    deltas: &[f32],
    parts: &mut [f32],
    rows: u32,
    first: u32,
    part: u32,
    #[comptime] form: GradientsForm,
) {
    let rows = rows as usize;
    let cube = CUBE_POS_X as usize;
    let from = CUBE_POS_Y as usize * part as usize;
    let of_batch = span(from, usize::min(from + part as usize, rows));
    let start = CUBE_POS_Y as usize * form.parameters;
    let tiling = comptime!(form.weights[0].tiling);
    let side = comptime!(tiling.side());
    let mut tile = Tile {
        place: place(0, 0),
        part: of_batch,
        sums: zeros(tiling),
        panels: panels(tiling),
    };
    let mut before = comptime!(0usize);
    #[unroll]
    for index in 0..comptime!(form.weights.len()) {
        let weights = comptime!(form.weights[index]);
        let layer = comptime!(weights.layer);
        if cube >= before && cube < comptime!(before + weights.tiles()) {
            let number = cube - before;
            let across = comptime!(tiling.tiles(layer.outputs));
            tile.place.row = number / across * side;
            tile.place.column = number % across * side;
            let inputs = comptime!(layer.before.saturating_sub(layer.inputs));
            let right = Dense::new(deltas, rows * layer.before, layer.outputs);
            if comptime!(weights.index == 0) {
                let left = Gathered::new(samples, order, first, layer.inputs, form.samples);
                add::<Gathered<'_>, Dense<'_>>(&mut tile, &left, &right, weights);
            } else {
                let left = Dense::new(codes, rows * inputs, layer.inputs);
                add::<Dense<'_>, Dense<'_>>(&mut tile, &left, &right, weights);
            }
            if comptime!(weights.tied.is_some()) {
                // The decoder's, turned: its Δ times its inputs, which are the codes.
                let next = comptime!(weights.tied.unwrap_or(layer));
                let left = Dense::new(deltas, rows * next.before, next.outputs);
                let right = Dense::new(codes, rows * layer.before, layer.outputs);
                add::<Dense<'_>, Dense<'_>>(&mut tile, &left, &right, weights);
            }
            store(&tile.sums, parts, start, weights, &tile.place, tiling);
        }
        comptime!(before += weights.tiles());
    }
}

/// A tile of a gradient, over a part of the batch.
#[derive(CubeType)]
struct Tile {
    place: Place,
    part: Span,
    sums: Array<f32>,
    panels: Panels,
}

/// Adds a tile of AᵀB, over the part's rows of both.
#[cube]
fn add<A: Matrix, B: Matrix>(tile: &mut Tile, a: &A, b: &B, #[comptime] weights: Weights) {
    let tiling = comptime!(weights.tiling);
    let rows = span(tile.place.row, weights.layer.inputs);
    let columns = span(tile.place.column, weights.layer.outputs);
    let depth = comptime!(tiling.depth);
    for turn in 0..(tile.part.end - tile.part.first).div_ceil(depth) {
        let inner = span(tile.part.first + turn * depth, tile.part.end);
        fill_by_columns::<A>(&mut tile.panels.left, a, &rows, &inner, tiling);
        fill_by_columns::<B>(&mut tile.panels.right, b, &columns, &inner, tiling);
        multiply(&tile.panels, &mut tile.sums, &tile.place, tiling);
    }
}

#[cube]
fn store(
    sums: &Array<f32>,
    parts: &mut [f32],
    start: usize,
    #[comptime] weights: Weights,
    place: &Place,
    #[comptime] tiling: Tiling,
) {
    let layer = comptime!(weights.layer);
    #[unroll]
    for i in 0..comptime!(tiling.per_unit) {
        let row = place.row + place.y + comptime!(i * UNITS);
        #[unroll]
        for j in 0..comptime!(tiling.per_unit) {
            let column = place.column + place.x + comptime!(j * UNITS);
            if row < layer.inputs && column < layer.outputs {
                let at = start + layer.weights + row * layer.outputs + column;
                parts[at] = sums[comptime!(i * tiling.per_unit + j)];
            }
        }
    }
}
