//! What ρ̂ is while minibatches are trained on.

use burn::tensor::Tensor;
use sae_model::Objective;

use crate::full_batch::{CHUNK, full_rho_hat};
use crate::optimiser::rate;
use crate::{Source, TrainError};

/// Which ρ̂ the sparsity term of a minibatch uses. In each case the gradient goes through the
/// minibatch's own mean activation, with derivative 1; both gradient rules treat it alike.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum RhoHat {
    /// The minibatch's own: J is exactly the minibatch's objective. Its expectation over
    /// minibatches exceeds the full objective's, as KL is convex in ρ̂.
    #[default]
    Batch,
    /// An exponential mean ρ̂ ← μρ̂ + (1 − μ)ρ̂_batch of the minibatches', which begins with a pass
    /// over all samples. It lags behind the weights by about 1/(1 − μ) steps.
    Running(f64),
    /// The mean over all samples, refreshed at the start of every epoch. It lags behind by up to an
    /// epoch.
    Full,
}

impl RhoHat {
    /// Checks μ.
    ///
    /// # Errors
    ///
    /// Refuses μ outside [0, 1).
    pub fn check(&self) -> Result<(), TrainError> {
        match *self {
            Self::Running(decay) => rate("rho_hat_decay", decay),
            Self::Batch | Self::Full => Ok(()),
        }
    }
}

/// A [`RhoHat`] with its current estimate.
pub(crate) struct Estimator {
    kind: RhoHat,
    estimate: Option<Tensor<2>>,
}

impl Estimator {
    pub(crate) fn new(kind: RhoHat) -> Self {
        Self {
            kind,
            estimate: None,
        }
    }

    /// Passes over all samples where the estimate needs it.
    pub(crate) fn start_epoch<O: Objective, S: Source<Batch = O::Batch>>(
        &mut self,
        objective: &O,
        model: &O::Model,
        source: &S,
    ) -> Result<(), TrainError> {
        let wanted = match self.kind {
            RhoHat::Batch => false,
            RhoHat::Running(_) => self.estimate.is_none(),
            RhoHat::Full => true,
        };
        if wanted {
            self.estimate = full_rho_hat(objective, model, source, CHUNK)?;
        }
        Ok(())
    }

    /// The minibatch with the ρ̂ that it is to use.
    pub(crate) fn adjust<O: Objective>(
        &mut self,
        objective: &O,
        model: &O::Model,
        batch: O::Batch,
    ) -> O::Batch {
        let Some(estimate) = self.estimate.take() else {
            return batch;
        };
        let Some(own) = objective.rho_hat(model, &batch) else {
            return batch;
        };
        let estimate = match self.kind {
            RhoHat::Running(decay) => {
                estimate.mul_scalar(decay) + own.clone().mul_scalar(1.0 - decay)
            }
            RhoHat::Batch | RhoHat::Full => estimate,
        };
        self.estimate = Some(estimate.clone());
        objective.with_rho_hat_offset(batch, estimate - own)
    }
}
