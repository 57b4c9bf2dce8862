//! Launches that do nothing but one thing, as fast as the device can.

use cubecl::prelude::*;

use super::sums::ALL;

/// Copies.
#[cube(launch_unchecked)]
pub(crate) fn copy(from: &[f32], to: &mut [f32], count: u32) {
    let index = CUBE_POS * ALL + UNIT_POS as usize;
    if index < count as usize {
        to[index] = from[index];
    }
}

/// Sums of products of a unit that go on side by side.
pub(crate) const CHAINS: usize = 16;

/// Each unit multiplies and adds in registers, `turns` times in each of its chains.
#[cube(launch_unchecked)]
pub(crate) fn multiply_add(to: &mut [f32], factor: f32, turns: u32) {
    let mut sums = Array::<f32>::new(CHAINS);
    #[unroll]
    for chain in 0..CHAINS {
        sums[chain] = UNIT_POS as f32 * comptime!(chain as f32 + 1.0);
    }
    for _ in 0..turns {
        #[unroll]
        for chain in 0..CHAINS {
            sums[chain] = fma(sums[chain], factor, 0.5f32);
        }
    }
    let mut sum = 0.0f32;
    #[unroll]
    for chain in 0..CHAINS {
        sum += sums[chain];
    }
    to[CUBE_POS * ALL + UNIT_POS as usize] = sum;
}
