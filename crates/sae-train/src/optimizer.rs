//! The optimizers' names, and what each is called elsewhere.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How gradients move the parameters. Weight decay is a term of the objective and no business of
/// the optimizer, but for AdamW, whose point it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Gradient descent θ ← θ − ηv with v ← μv + ∇J (no dampening); in Nesterov's form the step is
    /// μv + ∇J. With μ = 0 and the full batch this is the note's rule.
    Sgd,
    /// Adam (Kingma and Ba 2015) with bias correction.
    Adam,
    /// AdamW (Loshchilov and Hutter 2019): Adam, and weights (not biases) shrink by ηλ per step.
    AdamW,
    /// RMSprop (Tieleman and Hinton 2012): θ ← θ − ηv with v ← μv + ∇J / (√mean(∇J²) + ε).
    RmsProp,
    /// L-BFGS (Nocedal 1980), on the full batch only; an epoch is one iteration.
    Lbfgs,
    /// Non-linear conjugate gradients (Polak and Ribière 1969), on the full batch only; an epoch is
    /// one iteration.
    Cg,
}

impl Optimizer {
    /// Every optimizer, for tables and checks.
    pub const ALL: [Self; 6] = [
        Self::Sgd,
        Self::Adam,
        Self::AdamW,
        Self::RmsProp,
        Self::Lbfgs,
        Self::Cg,
    ];

    /// Whether it searches along lines of one objective, for which only the full batch will do.
    pub fn searches_lines(self) -> bool {
        matches!(self, Self::Lbfgs | Self::Cg)
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sgd => "sgd",
            Self::Adam => "adam",
            Self::AdamW => "adamw",
            Self::RmsProp => "rmsprop",
            Self::Lbfgs => "lbfgs",
            Self::Cg => "cg",
        })
    }
}
