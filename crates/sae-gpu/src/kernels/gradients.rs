//! The launch of all weight gradients.

use cubecl::prelude::*;

use super::product::{Place, fill_by_columns, multiply, panel, place, span, zeros};
use super::samples::{Form, fill_samples_by_columns};
use crate::shape::Weights;
use crate::tiling::{Tiling, UNITS};

/// All weights of a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct GradientsForm {
    pub weights: Vec<Weights>,
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
    let to = usize::min(from + part as usize, rows);
    let start = CUBE_POS_Y as usize * form.parameters;
    let tiling = comptime!(form.weights[0].tiling);
    let mut left = panel(tiling);
    let mut right = panel(tiling);
    let mut before = comptime!(0usize);
    #[unroll]
    for index in 0..comptime!(form.weights.len()) {
        let weights = comptime!(form.weights[index]);
        let layer = comptime!(weights.layer);
        if cube >= before && cube < comptime!(before + weights.tiles()) {
            let side = comptime!(tiling.side());
            let tile = cube - before;
            let across = comptime!(tiling.tiles(layer.outputs));
            let place = place(tile / across * side, tile % across * side);
            let mut sums = zeros(tiling);
            let depth = comptime!(tiling.depth);
            let turns = (to - from).div_ceil(depth);
            let own = span(place.row, layer.inputs);
            let columns = span(place.column, layer.outputs);
            for turn in 0..turns {
                let inner = span(from + turn * depth, to);
                if comptime!(weights.index == 0) {
                    fill_samples_by_columns(
                        &mut left,
                        samples,
                        order,
                        first as usize,
                        &own,
                        &inner,
                        layer.inputs,
                        form.samples,
                        tiling,
                    );
                } else {
                    let start = rows * comptime!(layer.before - layer.inputs);
                    fill_by_columns(&mut left, codes, start, layer.inputs, &own, &inner, tiling);
                }
                let start = rows * layer.before;
                fill_by_columns(
                    &mut right,
                    deltas,
                    start,
                    layer.outputs,
                    &columns,
                    &inner,
                    tiling,
                );
                sync_cube();
                multiply(&left, &right, &mut sums, &place, tiling);
                sync_cube();
            }
            if comptime!(weights.tied.is_some()) {
                // The decoder's, turned: its Δ times its inputs, which are the codes.
                let next = comptime!(weights.tied.unwrap_or(layer));
                for turn in 0..turns {
                    let inner = span(from + turn * depth, to);
                    let start = rows * next.before;
                    fill_by_columns(&mut left, deltas, start, next.outputs, &own, &inner, tiling);
                    let start = rows * layer.before;
                    fill_by_columns(
                        &mut right,
                        codes,
                        start,
                        layer.outputs,
                        &columns,
                        &inner,
                        tiling,
                    );
                    sync_cube();
                    multiply(&left, &right, &mut sums, &place, tiling);
                    sync_cube();
                }
            }
            store(&sums, parts, start, weights, &place, tiling);
        }
        comptime!(before += weights.tiles());
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
