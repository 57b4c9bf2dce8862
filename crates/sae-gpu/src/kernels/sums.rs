//! Sums over the units of a cube, in fixed orders.

use cubecl::prelude::*;

use super::product::Place;
use crate::tiling::{Tiling, UNITS};

/// Units of a cube.
pub(crate) const ALL: usize = UNITS * UNITS;

/// The sum of a value of every unit, in each of them.
#[cube]
pub(crate) fn sum_of_cube(value: f32) -> f32 {
    let unit = UNIT_POS as usize;
    let mut shared = Shared::<[f32]>::new_slice(ALL);
    shared[unit] = value;
    sync_cube();
    #[unroll]
    for halving in 0..8u32 {
        let half = comptime!(ALL >> (halving + 1));
        if unit < half {
            shared[unit] += shared[unit + half];
        }
        sync_cube();
    }
    let sum = shared[0];
    sync_cube();
    sum
}

/// Adds up the rows of a tile: each unit has for each of its columns the sum over its own rows. Goes to
/// `sums[start + column]`, for columns before `end`.
#[cube]
pub(crate) fn sum_of_columns(
    own: &Array<f32>,
    sums: &mut [f32],
    start: usize,
    end: usize,
    place: &Place,
    #[comptime] tiling: Tiling,
) {
    let side = comptime!(tiling.side());
    let mut shared = Shared::<[f32]>::new_slice(comptime!(UNITS * tiling.side()));
    #[unroll]
    for j in 0..comptime!(tiling.per_unit) {
        shared[place.y * side + place.x + comptime!(j * UNITS)] = own[j];
    }
    sync_cube();
    let unit = UNIT_POS as usize;
    let column = place.column + unit;
    if unit < side && column < end {
        let mut sum = 0.0f32;
        for y in 0..UNITS {
            sum += shared[y * side + unit];
        }
        sums[start + column] = sum;
    }
    sync_cube();
}
