//! From a model, an objective and a batch to gradients.

mod autodiff;
mod delta;

use std::fmt;

use burn::optim::GradientsParams;
use serde::{Deserialize, Serialize};

use crate::{Objective, Value};

/// How gradients are computed. Both rules return the gradient of the same objective; they differ
/// only in rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GradientRule {
    /// Reverse-mode automatic differentiation of the objective by Burn.
    Autodiff,
    /// The hand-derived delta rules (forward pass, ρ̂ pass, backward pass).
    #[default]
    Delta,
}

/// An objective with hand-derived gradients.
pub trait DeltaRule: Objective {
    /// The value and its gradient by the delta rules, without a tape.
    fn delta(&self, model: &Self::Model, batch: &Self::Batch) -> Gradient;
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
    pub fn gradient<O: DeltaRule>(
        self,
        objective: &O,
        model: &O::Model,
        batch: &O::Batch,
    ) -> Gradient {
        match self {
            Self::Autodiff => Gradient::by_autodiff(objective, model, batch),
            Self::Delta => objective.delta(model, batch),
        }
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
