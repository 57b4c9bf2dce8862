//! The launch that moves the parameters, unless something is not finite, and writes down what became of the step.

#![allow(
    clippy::collapsible_if,
    reason = "one condition is decided when the kernel is compiled, the other when it runs"
)]

use std::sync::Arc;

use cubecl::prelude::*;

use super::ledger::{
    ACTIVITY, BAD, CLIPPED, DECAY, LINE, MEASURE, NORM, OF_DECAY, OF_GRADIENTS, OF_SMALLER,
    REFUSED, SMALLER, SPARSITY, SQUARES, STATUS, STOPPED, SUMS, TAKEN, TERM, lines,
};
use super::sums::{ALL, sum_of_cube};
use super::units::not_finite;
use crate::shape::Weights;

/// How gradients move parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Method {
    /// Nothing moves; the step is only written down.
    Rest,
    Sgd,
    Nesterov,
    Adam,
    RmsProp,
}

/// All parameters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Move {
    pub method: Method,
    pub weights: Arc<[Weights]>,
    pub parameters: usize,
    /// Parameters of a cube.
    pub of_cube: usize,
    /// Hidden units with a ρ̂; bits of β, of ρ and of the ε that ρ̂ is clamped by.
    pub hidden: usize,
    pub beta: u32,
    pub rho: u32,
    pub clamp: u32,
    /// Whether the estimate of ρ̂ moves.
    pub estimates: bool,
}

/// Numbers of an update: see [`sae_kernels::Optimizer`].
#[derive(CubeType, CubeLaunch, Debug, Clone, Copy)]
pub(crate) struct Rates {
    /// η, of Adam with its correction.
    pub rate: f32,
    /// μ, or the decay of the mean of gradients.
    pub first: f32,
    /// The decay of the mean of their squares.
    pub second: f32,
    /// What Adam's mean of squares is multiplied by.
    pub root: f32,
    pub epsilon: f32,
    /// What AdamW's weights are multiplied by.
    pub keep: f32,
    /// The longest ‖∇J‖; 0 for no limit.
    pub longest: f32,
    /// Samples of the step.
    pub rows: f32,
}

impl Rates {
    /// They, for the kernel.
    pub(crate) fn arg(self) -> RatesLaunch {
        RatesLaunch::new(
            self.rate,
            self.first,
            self.second,
            self.root,
            self.epsilon,
            self.keep,
            self.longest,
            self.rows,
        )
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            rate: 0.0,
            first: 0.0,
            second: 0.0,
            root: 1.0,
            epsilon: 0.0,
            keep: 1.0,
            longest: 0.0,
            rows: 0.0,
        }
    }
}

/// One update of all parameters.
#[cube(launch_unchecked)]
pub(crate) fn update(
    gradients: &[f32],
    values: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    squares: &[f32],
    terms: &[f32],
    means: &mut [f32],
    ledger: &mut [f32],
    rates: Rates,
    cubes: u32,
    pairs: u32,
    singles: u32,
    line: u32,
    #[comptime] form: Move,
) {
    let unit = UNIT_POS as usize;
    let mut of_gradients = 0.0f32;
    let mut of_smaller = 0.0f32;
    let mut decay = 0.0f32;
    let mut bad = 0.0f32;
    for turn in 0..(cubes as usize).div_ceil(ALL) {
        let cube = turn * ALL + unit;
        if cube < cubes as usize {
            let at = cube * SQUARES;
            of_gradients += squares[at + OF_GRADIENTS];
            of_smaller += squares[at + OF_SMALLER];
            decay += squares[at + DECAY];
            bad += squares[at + BAD];
        }
    }
    let mut term = 0.0f32;
    let mut measure = 0.0f32;
    for turn in 0..(pairs as usize).div_ceil(ALL) {
        let pair = turn * ALL + unit;
        if pair < pairs as usize {
            term += terms[2 * pair];
            measure += terms[2 * pair + 1];
        }
    }
    let mut activity = 0.0f32;
    for turn in 0..(singles as usize).div_ceil(ALL) {
        let single = turn * ALL + unit;
        if single < singles as usize {
            activity += terms[2 * pairs as usize + single];
        }
    }
    let of_gradients = sum_of_cube(of_gradients);
    let of_smaller = sum_of_cube(of_smaller);
    let decay = sum_of_cube(decay);
    let bad = sum_of_cube(bad);
    let term = sum_of_cube(term);
    let measure = sum_of_cube(measure);
    let activity = sum_of_cube(activity);
    let bad = bad + not_finite(term) + not_finite(activity) + not_finite(decay);
    let fits = not_finite(of_gradients) == 0.0;
    let norm = select(
        fits,
        f32::sqrt(of_gradients),
        f32::sqrt(of_smaller) * comptime!(1.0 / SMALLER),
    );
    let clips = rates.longest > 0.0 && norm > rates.longest;
    let mut scale = 1.0f32;
    if clips {
        scale = rates.longest / norm;
    }
    let refused = bad > 0.0;
    if !refused {
        move_values(
            gradients,
            values,
            first,
            second,
            scale,
            &rates,
            form.clone(),
        );
    }
    if CUBE_POS == 0 {
        let mut status = TAKEN.runtime();
        if clips {
            status = CLIPPED;
        }
        if refused {
            status = REFUSED;
        }
        let sparsity = note_rho_hat(means, ledger, refused, rates.rows, form.clone());
        if unit == 0 {
            let line = comptime!(lines(form.hidden)) + line as usize * LINE;
            ledger[line + TERM] = term;
            ledger[line + MEASURE] = measure;
            ledger[line + SPARSITY] = sparsity;
            ledger[line + ACTIVITY] = activity;
            ledger[line + OF_DECAY] = decay;
            ledger[line + NORM] = norm;
            ledger[line + STATUS] = status;
            if comptime!(form.method != Method::Rest) {
                if refused {
                    ledger[STOPPED] = 1.0;
                }
            }
        }
    }
}

#[cube]
fn move_values(
    gradients: &[f32],
    values: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    scale: f32,
    rates: &Rates,
    #[comptime] form: Move,
) {
    let method = comptime!(form.method);
    for turn in 0..comptime!(form.of_cube / ALL) {
        let index = CUBE_POS * form.of_cube + turn * ALL + UNIT_POS as usize;
        if index < form.parameters {
            let gradient = gradients[index] * scale;
            let value = values[index];
            if comptime!(method == Method::Sgd || method == Method::Nesterov) {
                let velocity = rates.first * first[index] + gradient;
                first[index] = velocity;
                let mut step = velocity;
                if comptime!(method == Method::Nesterov) {
                    step = rates.first * velocity + gradient;
                }
                values[index] = value - rates.rate * step;
            } else if comptime!(method == Method::Adam) {
                let mean = rates.first * first[index] + (1.0 - rates.first) * gradient;
                let square =
                    rates.second * second[index] + (1.0 - rates.second) * (gradient * gradient);
                first[index] = mean;
                second[index] = square;
                let step = mean / (f32::sqrt(square * rates.root) + rates.epsilon);
                let mut keep = 1.0f32;
                if is_weight(index, form.clone()) {
                    keep = rates.keep;
                }
                values[index] = keep * value - rates.rate * step;
            } else if comptime!(method == Method::RmsProp) {
                let square =
                    rates.second * second[index] + (1.0 - rates.second) * (gradient * gradient);
                second[index] = square;
                let step = gradient / (f32::sqrt(square) + rates.epsilon);
                let velocity = rates.first * first[index] + step;
                first[index] = velocity;
                values[index] = value - rates.rate * velocity;
            }
        }
    }
}

#[cube]
fn is_weight(index: usize, #[comptime] form: Move) -> bool {
    let mut found = false.runtime();
    #[unroll]
    for number in 0..comptime!(form.weights.len()) {
        let weights = comptime!(form.weights[number]);
        let first = comptime!(weights.layer.weights);
        if index >= first && index < comptime!(first + weights.count()) {
            found = true;
        }
    }
    found
}

/// Adds ρ̂ to the sum of the steps', makes it the estimate where one moves, and gives β Σ KL(ρ ‖ ρ̂).
#[cube]
fn note_rho_hat(
    means: &mut [f32],
    ledger: &mut [f32],
    refused: bool,
    rows: f32,
    #[comptime] form: Move,
) -> f32 {
    let hidden = comptime!(form.hidden);
    let mut divergence = 0.0f32;
    for turn in 0..comptime!(form.hidden.div_ceil(ALL)) {
        let index = turn * ALL + UNIT_POS as usize;
        if index < hidden {
            let mean = means[index];
            if comptime!(f32::from_bits(form.beta) > 0.0) {
                divergence += kl_divergence(mean, form.rho, form.clamp);
            }
            if comptime!(form.method != Method::Rest) {
                if !refused && rows > 0.0 {
                    let at = comptime!(SUMS) + index;
                    let lost = at + hidden;
                    let more = mean * rows - ledger[lost];
                    let before = ledger[at];
                    let sum = before + more;
                    ledger[lost] = (sum - before) - more;
                    ledger[at] = sum;
                    if comptime!(form.estimates) {
                        means[hidden + index] = mean;
                    }
                }
            }
        }
    }
    let divergence = sum_of_cube(divergence);
    comptime!(f32::from_bits(form.beta)) * divergence
}

/// KL(ρ ‖ ρ̂) with ρ̂ clamped, as [`sae_kernels`] has it: what is linear in ρ̂ − ρ cancels here, not in rounding.
#[cube]
fn kl_divergence(rho_hat: f32, #[comptime] rho: u32, #[comptime] clamp: u32) -> f32 {
    let rho = comptime!(f32::from_bits(rho));
    let least = comptime!(f32::from_bits(clamp));
    let inside = f32::clamp(rho_hat, least.runtime(), comptime!(1.0 - least).runtime());
    // What is not a number stays so.
    let inside = select(not_finite(rho_hat) > 0.0, rho_hat, inside);
    let d = inside - rho;
    let active = rho * excess(d / rho, inside / rho);
    active + (1.0 - rho) * excess(-d / (1.0 - rho), (1.0 - inside) / (1.0 - rho))
}

/// x − log(1 + x) with `ratio` = 1 + x; near 0 by its series.
#[cube]
fn excess(x: f32, ratio: f32) -> f32 {
    let mut sum = 0.0f32;
    let mut power = x;
    #[unroll]
    for k in 2..9u32 {
        power *= -x;
        sum -= power / comptime!(k as f32);
    }
    select(f32::abs(x) > 0.1, x - f32::ln(ratio), sum)
}
