//! Gradients by Burn's automatic differentiation: the witness of the delta rules.

use std::sync::{Mutex, PoisonError};

use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::Gradient;
use crate::{Objective, Value};

/// Held from the first operation on a tape to the end of its way back: where models of two threads are copies of
/// one, their tapes hang together, and Burn 0.22 takes its two locks in either order (`GraphLocator::merge` and
/// `GraphMutexClient::backward`), so that both threads may wait for ever.
static TAPES: Mutex<()> = Mutex::new(());

impl Gradient {
    /// The gradient of any objective, by automatic differentiation: records J on the tape of
    /// `model`'s parameters and walks it backwards.
    pub fn by_autodiff<O: Objective>(objective: &O, model: &O::Model, batch: &O::Batch) -> Self {
        let _alone = TAPES.lock().unwrap_or_else(PoisonError::into_inner);
        let value = objective.value(model, batch);
        let gradients = value.terms.clone().sum().backward();
        let off_the_tape = |tensor: Tensor<1>| tensor.inner();
        Self {
            gradients: GradientsParams::from_grads(gradients, model),
            value: Value {
                terms: value.terms.inner(),
                squared_error: value.squared_error.map(off_the_tape),
                rho_hat: value.rho_hat.map(off_the_tape),
                accuracy: value.accuracy.map(off_the_tape),
            },
        }
    }
}
