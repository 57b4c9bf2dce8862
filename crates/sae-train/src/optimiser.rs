//! The optimisers, as checked settings of Burn's.

use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, ModuleOptimizer, SgdConfig};

use crate::TrainError;

/// A first-order optimiser. Weight decay is no business of it: decay is a term of the objective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimiser {
    /// Gradient descent θ ← θ − ηv with v ← μv + ∇J (no dampening). With μ = 0 and the full batch
    /// this is the note's rule.
    Sgd {
        /// Learning rate η.
        learning_rate: f64,
        /// Momentum μ.
        momentum: f64,
    },
    /// Adam (Kingma and Ba 2015) with bias correction.
    Adam {
        /// Learning rate η.
        learning_rate: f64,
        /// Decay of the mean of the gradients.
        beta1: f64,
        /// Decay of the mean of their squares.
        beta2: f64,
        /// Added to the root of that mean.
        epsilon: f64,
    },
}

impl Optimiser {
    /// η.
    pub fn learning_rate(&self) -> f64 {
        match *self {
            Self::Sgd { learning_rate, .. } | Self::Adam { learning_rate, .. } => learning_rate,
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// Refuses a learning rate or ε that is not finite and positive, and decay rates outside [0, 1).
    pub fn check(&self) -> Result<(), TrainError> {
        positive("learning_rate", self.learning_rate())?;
        match *self {
            Self::Sgd { momentum, .. } => rate("momentum", momentum),
            Self::Adam {
                beta1,
                beta2,
                epsilon,
                ..
            } => {
                rate("beta1", beta1)?;
                rate("beta2", beta2)?;
                positive("epsilon", epsilon)
            }
        }
    }

    pub(crate) fn init(&self) -> ModuleOptimizer {
        match *self {
            Self::Sgd { momentum, .. } => {
                let momentum = MomentumConfig::new()
                    .with_momentum(momentum)
                    .with_dampening(0.0);
                SgdConfig::new().with_momentum(Some(momentum)).init()
            }
            Self::Adam {
                beta1,
                beta2,
                epsilon,
                ..
            } => AdamConfig::new()
                .with_beta_1(beta1 as f32)
                .with_beta_2(beta2 as f32)
                .with_epsilon(epsilon as f32)
                .init(),
        }
    }
}

pub(crate) fn positive(name: &'static str, value: f64) -> Result<(), TrainError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(TrainError::Setting {
        name,
        found: value.to_string(),
        expected: "a finite number > 0",
    })
}

fn rate(name: &'static str, value: f64) -> Result<(), TrainError> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(TrainError::Setting {
        name,
        found: value.to_string(),
        expected: "a number in [0, 1)",
    })
}
