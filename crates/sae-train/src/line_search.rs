//! Optimisers that search along a line for a better point of the exact full-batch objective.

use sae_model::{HostValue, Objective};

use crate::conjugate::ConjugateGradient;
use crate::lbfgs::Lbfgs;
use crate::whole::Whole;
use crate::{Source, TrainError};

/// Most evaluations of the objective in one line search.
pub(crate) const EVALUATIONS: usize = 25;

/// One of them, with what it remembers between iterations.
#[expect(clippy::large_enum_variant, reason = "there is one per call of fit()")]
pub(crate) enum LineSearch {
    Lbfgs(Lbfgs),
    ConjugateGradient(ConjugateGradient),
}

/// What an iteration led to.
pub(crate) struct Iteration<M> {
    pub model: M,
    /// J and its terms at the new point.
    pub value: HostValue,
    /// ‖∇J‖ at the new point.
    pub gradient_norm: f64,
    /// Whether a better point was found.
    pub moved: bool,
}

impl LineSearch {
    /// One iteration; `first_step` is the length that its line search tries first, where nothing is
    /// known yet.
    pub(crate) fn step<O: Objective, S: Source<Batch = O::Batch>>(
        &mut self,
        whole: &Whole<'_, O, S>,
        model: O::Model,
        first_step: f64,
    ) -> Result<Iteration<O::Model>, TrainError> {
        match self {
            Self::Lbfgs(lbfgs) => lbfgs.step(whole, model, first_step),
            Self::ConjugateGradient(cg) => cg.step(whole, model, first_step),
        }
    }
}
