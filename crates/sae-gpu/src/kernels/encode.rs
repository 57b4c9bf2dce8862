//! Launches that take samples forward: a hidden layer's activations, and the sums of which ρ̂ is made.

use cubecl::prelude::*;
use sae_kernels::Unit;

use super::product::{Place, place};
use super::samples::{Inputs, inputs_by_weights};
use super::sums::{ALL, sum_of_columns};
use super::units::value;
use crate::shape::Layer;
use crate::tiling::{Tiling, UNITS};

/// A hidden layer, going forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct EncodeForm {
    pub layer: Layer,
    pub unit: Unit,
    pub inputs: Inputs,
    /// Whether activations are added up over samples.
    pub sums: bool,
    pub tiling: Tiling,
}

/// Y = φ(X·W + b); and of every row of tiles the sums of its activations, `[tile, output]`.
#[cube(launch_unchecked)]
pub(crate) fn encode(
    samples: &[u32],
    order: &[u32],
    values: &[f32],
    codes: &mut [f32],
    activity: &mut [f32],
    rows: u32,
    first: u32,
    #[comptime] form: EncodeForm,
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
        &*codes,
        rows,
        values,
        &place,
        form.inputs,
        tiling,
    );
    let of_columns = put(&sums, values, codes, rows, &place, layer, form.unit, tiling);
    if comptime!(form.sums) {
        let start = CUBE_POS_Y as usize * layer.outputs;
        sum_of_columns(&of_columns, activity, start, layer.outputs, &place, tiling);
    }
}

/// Writes φ(sum + b) of each output of a tile to the layer's place in `outputs`. Gives for each column of a unit the
/// sum over its own rows.
#[cube]
pub(crate) fn put(
    sums: &Array<f32>,
    values: &[f32],
    outputs: &mut [f32],
    rows: usize,
    place: &Place,
    #[comptime] layer: Layer,
    #[comptime] unit: Unit,
    #[comptime] tiling: Tiling,
) -> Array<f32> {
    let count = comptime!(tiling.per_unit);
    let mut of_columns = Array::<f32>::new(count);
    #[unroll]
    for j in 0..count {
        of_columns[j] = 0.0;
    }
    let start = rows * layer.before;
    #[unroll]
    for j in 0..count {
        let column = place.column + place.x + comptime!(j * UNITS);
        if column < layer.outputs {
            let bias = values[layer.bias + column];
            #[unroll]
            for i in 0..count {
                let row = place.row + place.y + comptime!(i * UNITS);
                if row < rows {
                    let y = value(sums[comptime!(i * tiling.per_unit + j)] + bias, unit);
                    outputs[start + row * layer.outputs + column] = y;
                    of_columns[j] += y;
                }
            }
        }
    }
    of_columns
}

/// The selection of a layer's largest activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SelectForm {
    pub layer: Layer,
    /// Of each sample so many are kept.
    pub keep: usize,
    /// Whether activations are added up over samples.
    pub sums: bool,
    pub tiling: Tiling,
}

/// Sets to 0 what is below the k-th largest activation of its sample, and adds up as `encode` does. A cube has
/// the rows of a tile.
#[cube(launch_unchecked)]
pub(crate) fn select_largest(
    codes: &mut [f32],
    activity: &mut [f32],
    rows: u32,
    #[comptime] form: SelectForm,
) {
    let side = comptime!(form.tiling.side());
    let width = comptime!(form.layer.outputs);
    let rows = rows as usize;
    let unit = UNIT_POS as usize;
    let top = CUBE_POS_X as usize * side;
    let start = rows * form.layer.before;
    let row = top + unit;
    if unit < side && row < rows {
        let line = start + row * width;
        // The largest key that at least k activations reach, bit by bit.
        let mut least = 0u32;
        for bit in 0..32u32 {
            let tried = least | (1u32 << (31u32 - bit));
            let mut reach = 0u32;
            for column in 0..width {
                if key(codes[line + column]) >= tried {
                    reach += 1u32;
                }
            }
            if reach >= comptime!(form.keep as u32) {
                least = tried;
            }
        }
        for column in 0..width {
            if key(codes[line + column]) < least {
                codes[line + column] = 0.0;
            }
        }
    }
    sync_storage();
    if comptime!(form.sums) {
        let end = usize::min(top + side, rows);
        for turn in 0..comptime!(width.div_ceil(ALL)) {
            let column = turn * ALL + unit;
            if column < width {
                let mut sum = 0.0f32;
                for row in top..end {
                    sum += codes[start + row * width + column];
                }
                activity[CUBE_POS_X as usize * width + column] = sum;
            }
        }
    }
}

/// A whole number that is larger where `value` is; both zeros have the same.
#[cube]
fn key(value: f32) -> u32 {
    let bits = u32::reinterpret(select(value == 0.0, 0.0, value));
    let negative = bits >= 0x8000_0000u32;
    select(negative, 0xffff_ffffu32 - bits, bits | 0x8000_0000u32)
}
