//! The launch that takes Δ of a layer back to the layer before it.

use cubecl::prelude::*;
use sae_kernels::Unit;

use super::product::{Dense, Place, place, rows_by_weights};
use super::sums::{sum_of_columns, sum_of_cube};
use super::units::{not_finite, slope};
use crate::shape::Layer;
use crate::tiling::{Tiling, UNITS};

/// A hidden layer, going back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BackForm {
    pub layer: Layer,
    /// The layer that it feeds.
    pub next: Layer,
    pub unit: Unit,
    /// Whether only the largest activations were kept.
    pub selects: bool,
    /// What keeps the units at rest, where something does.
    pub rest: Option<Rest>,
    /// Biases of the layers before it.
    pub biases: usize,
    /// Of all layers.
    pub outputs: usize,
    pub tiling: Tiling,
}

/// What keeps hidden units at rest. Numbers are bits of `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Rest {
    pub beta: u32,
    pub rho: u32,
    pub clamp: u32,
    /// γ.
    pub l1: u32,
    /// The activity is shift + factor·y.
    pub shift: u32,
    pub factor: u32,
}

/// Which ρ̂ is used.
pub(crate) const OWN: u32 = 0;
/// The estimate, as it is.
pub(crate) const GIVEN: u32 = 1;
/// The estimate, moved by the step's own.
pub(crate) const RUNNING: u32 = 2;

/// Δ2 = (Δ3·W2ᵀ + pull/R) ⊙ φ'(P2), where the sparsity terms pull; the ρ̂ that was used, `[hidden]`, into the first
/// half of `means`, whose second is the estimate; of every tile
/// its share of the L1 term, of every row of tiles that of the bias' gradient.
#[cube(launch_unchecked)]
pub(crate) fn back(
    values: &[f32],
    codes: &[f32],
    deltas: &mut [f32],
    activity: &[f32],
    means: &mut [f32],
    biases: &mut [f32],
    terms: &mut [f32],
    rows: u32,
    share: f32,
    which: u32,
    keep: f32,
    first_term: u32,
    #[comptime] form: BackForm,
) {
    let tiling = comptime!(form.tiling);
    let (layer, next) = comptime!((form.layer, form.next));
    let side = comptime!(tiling.side());
    let rows = rows as usize;
    let place = place(CUBE_POS_Y as usize * side, CUBE_POS_X as usize * side);
    let left = Dense::new(&*deltas, rows * next.before, next.outputs);
    let right = comptime!(next.backward());
    let sums = rows_by_weights::<Dense<'_>>(&left, rows, values, &place, right, tiling);
    let count = comptime!(tiling.per_unit);
    let mut of_columns = Array::<f32>::new(count);
    let mut slopes = Array::<f32>::new(count);
    #[unroll]
    for j in 0..count {
        of_columns[j] = 0.0;
        slopes[j] = 0.0;
    }
    if comptime!(form.rest.is_some()) {
        let rest = comptime!(form.rest.unwrap_or_default());
        let used = used_of_columns(
            activity, &*means, rows, share, which, keep, layer, rest, &place, tiling,
        );
        #[unroll]
        for j in 0..count {
            let column = place.column + place.x + comptime!(j * UNITS);
            if column < layer.outputs {
                let mean = used[place.x + comptime!(j * UNITS)];
                slopes[j] = slope_of_divergence(mean, rest);
                if CUBE_POS_Y == 0 && place.y == 0 {
                    means[column] = mean;
                }
            }
        }
        sync_cube();
    }
    let start = rows * layer.before;
    let mut activities = 0.0f32;
    #[unroll]
    for j in 0..count {
        let column = place.column + place.x + comptime!(j * UNITS);
        if column < layer.outputs {
            #[unroll]
            for i in 0..count {
                let row = place.row + place.y + comptime!(i * UNITS);
                if row < rows {
                    let at = start + row * layer.outputs + column;
                    let y = codes[at];
                    let mut sum = sums[comptime!(i * tiling.per_unit + j)];
                    if comptime!(form.rest.is_some()) {
                        let rest = comptime!(form.rest.unwrap_or_default());
                        let mut pull = slopes[j];
                        if comptime!(f32::from_bits(rest.l1) > 0.0) {
                            let activity = y * comptime!(f32::from_bits(rest.factor))
                                + comptime!(f32::from_bits(rest.shift));
                            activities += f32::abs(activity);
                            let l1 =
                                comptime!(f32::from_bits(rest.l1) * f32::from_bits(rest.factor));
                            pull += select(activity > 0.0, l1, 0.0);
                            pull -= select(activity < 0.0, l1, 0.0);
                        }
                        sum += pull * share;
                    }
                    let mut delta = slope(sum, y, form.unit);
                    if comptime!(form.selects) {
                        delta = select(y == 0.0, 0.0, delta);
                    }
                    deltas[at] = delta;
                    of_columns[j] += delta;
                }
            }
        }
    }
    let start = CUBE_POS_Y as usize * form.outputs + form.biases;
    sum_of_columns(&of_columns, biases, start, layer.outputs, &place, tiling);
    if comptime!(form.rest.is_some()) {
        let activities = sum_of_cube(activities);
        if UNIT_POS == 0 {
            let cube = CUBE_POS_Y as usize * comptime!(tiling.tiles(layer.outputs));
            terms[first_term as usize + cube + CUBE_POS_X as usize] = activities * share;
        }
    }
}

/// The ρ̂ that is used of each column of a tile. Every cube adds up the same sums in the same order.
#[cube]
fn used_of_columns(
    activity: &[f32],
    means: &[f32],
    rows: usize,
    share: f32,
    which: u32,
    keep: f32,
    #[comptime] layer: Layer,
    #[comptime] rest: Rest,
    place: &Place,
    #[comptime] tiling: Tiling,
) -> Shared<[f32]> {
    let side = comptime!(tiling.side());
    let mut parts = Shared::<[f32]>::new_slice(comptime!(UNITS * tiling.side()));
    let mut used = Shared::<[f32]>::new_slice(side);
    let tiles = rows.div_ceil(side);
    #[unroll]
    for j in 0..comptime!(tiling.per_unit) {
        let own = place.x + comptime!(j * UNITS);
        let column = place.column + own;
        let mut sum = 0.0f32;
        if column < layer.outputs {
            let turns = tiles.div_ceil(UNITS);
            for turn in 0..turns {
                let tile = turn * UNITS + place.y;
                if tile < tiles {
                    sum += activity[tile * layer.outputs + column];
                }
            }
        }
        parts[place.y * side + own] = sum;
    }
    sync_cube();
    let unit = UNIT_POS as usize;
    let column = place.column + unit;
    if unit < side && column < layer.outputs {
        let mut sum = 0.0f32;
        for y in 0..UNITS {
            sum += parts[y * side + unit];
        }
        let mean = sum * share * comptime!(f32::from_bits(rest.factor))
            + comptime!(f32::from_bits(rest.shift));
        let mut mean = mean;
        if which == GIVEN {
            mean = means[layer.outputs + column];
        }
        if which == RUNNING {
            mean = keep * means[layer.outputs + column] + (1.0 - keep) * mean;
        }
        used[unit] = mean;
    }
    sync_cube();
    used
}

/// β(ρ̂ − ρ)/(ρ̂(1 − ρ̂)), times the derivative of the activity by y; 0 where the clamp acts.
#[cube]
fn slope_of_divergence(rho_hat: f32, #[comptime] rest: Rest) -> f32 {
    let clamp = comptime!(f32::from_bits(rest.clamp));
    let beta = comptime!(f32::from_bits(rest.beta) * f32::from_bits(rest.factor));
    let rho = comptime!(f32::from_bits(rest.rho));
    if comptime!(f32::from_bits(rest.beta) > 0.0) {
        let slope = beta * ((rho_hat - rho) / (rho_hat * (1.0 - rho_hat)));
        let inside = rho_hat >= clamp && rho_hat <= 1.0 - clamp;
        // What is not a number stays so.
        let held = select(not_finite(rho_hat) > 0.0, rho_hat, 0.0);
        select(inside, slope, held)
    } else {
        0.0f32.runtime()
    }
}
