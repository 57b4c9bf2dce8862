//! Optimizers: what a gradient does to the parameters.

use pulp::Simd;

use crate::lanes::{Lanes, numbers, vectors, vectors_mut};

/// How gradients move parameters. The formulas are Burn's, to rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimizer {
    /// v ← μv + ∇J, θ ← θ − ηv; in Nesterov's form θ ← θ − η(μv + ∇J).
    Sgd {
        /// μ.
        momentum: f32,
        /// Whether in Nesterov's form.
        nesterov: bool,
    },
    /// Adam with bias correction; `weight_decay` is AdamW's, of weights only, 0 for Adam.
    Adam {
        /// Decay of the mean of the gradients.
        beta1: f32,
        /// Decay of the mean of their squares.
        beta2: f32,
        /// Added to the root of that mean; above 0.
        epsilon: f32,
        /// Decoupled weight decay.
        weight_decay: f32,
    },
    /// s ← as + (1 − a)(∇J)², v ← μv + ∇J/(√s + ε), θ ← θ − ηv.
    RmsProp {
        /// a, the decay of the mean of the squares.
        decay: f32,
        /// μ.
        momentum: f32,
        /// ε, above 0.
        epsilon: f32,
    },
}

/// An update of all parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// How gradients move parameters.
    pub optimizer: Optimizer,
    /// η.
    pub learning_rate: f32,
    /// The longest ‖∇J‖, over all parameters; a longer gradient is shortened to it on its way to the
    /// optimizer. Nothing for no limit.
    pub clip: Option<f64>,
}

impl Update {
    /// An update by the gradient as it is.
    pub fn new(optimizer: Optimizer, learning_rate: f32) -> Self {
        Self {
            optimizer,
            learning_rate,
            clip: None,
        }
    }
}

/// One of many updates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moved {
    pub update: Update,
    /// What the gradient is multiplied by.
    pub scale: f32,
    /// Number of the update, from 1.
    pub number: u64,
}

/// Sums of squares; no finite numbers where a single value is none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Squares {
    /// Of the parameters.
    pub values: f64,
    /// Of their gradients.
    pub gradients: f64,
}

impl std::iter::Sum for Squares {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, more| Self {
            values: sum.values + more.values,
            gradients: sum.gradients + more.gradients,
        })
    }
}

/// Parameters with what belongs to them.
#[derive(Debug, Clone)]
pub(crate) struct Parameters {
    pub values: Vec<Lanes>,
    pub gradients: Vec<Lanes>,
    /// The velocity, or the mean of the gradients.
    pub first: Vec<Lanes>,
    /// The mean of their squares.
    pub second: Vec<Lanes>,
}

impl Parameters {
    pub(crate) fn zeros(rows: usize) -> Self {
        let zeros = vec![Lanes::ZERO; rows];
        Self {
            values: zeros.clone(),
            gradients: zeros.clone(),
            first: zeros.clone(),
            second: zeros,
        }
    }

    /// Adds `decay`·θ to the gradient, and returns the sums of squares.
    #[inline(always)]
    pub(crate) fn complete<S: Simd>(&mut self, simd: S, decay: f32) -> Squares {
        let decay = simd.splat_f32s(decay);
        let mut squares = Squares::default();
        for (values, gradients) in self.values.iter().zip(&mut self.gradients) {
            let mut of_values = simd.splat_f32s(0.0);
            let mut of_gradients = of_values;
            let gradients = vectors_mut::<S>(gradients);
            for (&value, gradient) in vectors::<S>(values).iter().zip(gradients) {
                *gradient = simd.mul_add_f32s(decay, value, *gradient);
                of_values = simd.mul_add_f32s(value, value, of_values);
                of_gradients = simd.mul_add_f32s(*gradient, *gradient, of_gradients);
            }
            squares.values += f64::from(simd.reduce_sum_f32s(of_values));
            squares.gradients += f64::from(simd.reduce_sum_f32s(of_gradients));
        }
        // Squares may be too large for `f32` where the numbers are not.
        let again = |sum: &mut f64, values: &[Lanes]| {
            if !sum.is_finite() {
                let square = |&value: &f32| f64::from(value).powi(2);
                *sum = numbers(values).iter().map(square).sum();
            }
        };
        again(&mut squares.values, &self.values);
        again(&mut squares.gradients, &self.gradients);
        squares
    }

    /// Moves the parameters by their gradient.
    #[inline(always)]
    pub(crate) fn update<S: Simd>(&mut self, simd: S, weights: bool, moved: Moved) {
        let Moved {
            update,
            scale,
            number,
        } = moved;
        let splat = |value| simd.splat_f32s(value);
        // Times 1 leaves every bit.
        let scaled = |gradient| simd.mul_f32s(splat(scale), gradient);
        let eta = update.learning_rate;
        let values: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut self.values);
        let gradients: &[S::f32s] = bytemuck::cast_slice(&self.gradients);
        let first: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut self.first);
        let second: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut self.second);
        let parameters = values.iter_mut().zip(gradients).zip(first);
        match update.optimizer {
            Optimizer::Sgd { momentum, nesterov } => {
                for ((value, &gradient), velocity) in parameters {
                    let gradient = scaled(gradient);
                    *velocity = simd.mul_add_f32s(splat(momentum), *velocity, gradient);
                    let step = match nesterov {
                        true => simd.mul_add_f32s(splat(momentum), *velocity, gradient),
                        false => *velocity,
                    };
                    *value = simd.mul_add_f32s(splat(-eta), step, *value);
                }
            }
            Optimizer::Adam {
                beta1,
                beta2,
                epsilon,
                weight_decay,
            } => {
                let correction = |beta: f32| 1.0 - f64::from(beta).powf(number as f64);
                let rate = splat((-f64::from(eta) / correction(beta1)) as f32);
                let root = splat((1.0 / correction(beta2)) as f32);
                let keep = splat(if weights {
                    1.0 - eta * weight_decay
                } else {
                    1.0
                });
                for (((value, &gradient), mean), square) in parameters.zip(second) {
                    let gradient = scaled(gradient);
                    let new = simd.mul_f32s(splat(1.0 - beta1), gradient);
                    *mean = simd.mul_add_f32s(splat(beta1), *mean, new);
                    let squared = simd.mul_f32s(gradient, gradient);
                    let new = simd.mul_f32s(splat(1.0 - beta2), squared);
                    *square = simd.mul_add_f32s(splat(beta2), *square, new);
                    let scale = simd.sqrt_f32s(simd.mul_f32s(*square, root));
                    let scale = simd.add_f32s(scale, splat(epsilon));
                    let step = simd.div_f32s(*mean, scale);
                    *value = simd.mul_add_f32s(rate, step, simd.mul_f32s(keep, *value));
                }
            }
            Optimizer::RmsProp {
                decay,
                momentum,
                epsilon,
            } => {
                for (((value, &gradient), velocity), square) in parameters.zip(second) {
                    let gradient = scaled(gradient);
                    let squared = simd.mul_f32s(gradient, gradient);
                    let new = simd.mul_f32s(splat(1.0 - decay), squared);
                    *square = simd.mul_add_f32s(splat(decay), *square, new);
                    let scale = simd.add_f32s(simd.sqrt_f32s(*square), splat(epsilon));
                    let step = simd.div_f32s(gradient, scale);
                    *velocity = simd.mul_add_f32s(splat(momentum), *velocity, step);
                    *value = simd.mul_add_f32s(splat(-eta), *velocity, *value);
                }
            }
        }
    }
}
