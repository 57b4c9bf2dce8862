//! Gradients by Burn's automatic differentiation: the witness of the delta rules.

use burn::optim::GradientsParams;

use crate::{Objective, Value};

/// Records `J` on the tape of `model`'s parameters and walks it backwards.
pub(super) fn gradient<O: Objective>(
    objective: &O,
    model: &O::Model,
    batch: &O::Batch,
) -> (Value, GradientsParams) {
    let value = objective.value(model, batch);
    let gradients = value.terms.clone().sum().backward();
    let gradients = GradientsParams::from_grads(gradients, model);
    let value = Value {
        terms: value.terms.inner(),
        statistic: value.statistic.inner(),
    };
    (value, gradients)
}
