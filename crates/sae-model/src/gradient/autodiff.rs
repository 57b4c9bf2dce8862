//! Gradients by Burn's automatic differentiation: the witness of the delta rules.

use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use super::Gradient;
use crate::{Objective, Value};

impl Gradient {
    /// The gradient of any objective, by automatic differentiation: records J on the tape of
    /// `model`'s parameters and walks it backwards.
    pub fn by_autodiff<O: Objective>(objective: &O, model: &O::Model, batch: &O::Batch) -> Self {
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
