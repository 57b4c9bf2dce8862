//! From a model, an objective and a batch to gradients.

mod autodiff;
pub(crate) mod delta;

use std::fmt;

use burn::optim::GradientsParams;

use crate::{Objective, Value};

/// How gradients are computed. Both rules return the gradient of the same objective; they differ
/// only in rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GradientRule {
    /// Reverse-mode automatic differentiation of the objective by Burn.
    Autodiff,
    /// The hand-derived delta rules (forward pass, ρ̂ pass, backward pass).
    #[default]
    Delta,
}

/// An objective's value and its gradient by every parameter of the model.
#[derive(Debug)]
pub struct Gradient {
    /// The value on the batch.
    pub value: Value,
    /// ∂J/∂parameter, registered under each parameter's id, off the tape.
    pub gradients: GradientsParams,
}

impl GradientRule {
    /// Every rule, for tables and checks.
    pub const ALL: [Self; 2] = [Self::Autodiff, Self::Delta];

    /// The gradient of `objective` at `model` on `batch`.
    pub fn gradient<O: Objective>(
        self,
        objective: &O,
        model: &O::Model,
        batch: &O::Batch,
    ) -> Gradient {
        let (value, gradients) = match self {
            Self::Autodiff => autodiff::gradient(objective, model, batch),
            Self::Delta => objective.delta(model, batch),
        };
        Gradient { value, gradients }
    }
}

impl fmt::Display for GradientRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Autodiff => "autodiff",
            Self::Delta => "delta",
        })
    }
}
