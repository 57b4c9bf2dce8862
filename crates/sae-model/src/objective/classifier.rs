//! The objectives of classifiers.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use super::{LabelledBatch, Objective, Value, term};
use crate::sums::{precise, sum};
use crate::{DeepNetwork, ModelError, Softmax};
use sae_kernels::setting::not_negative;

/// Terms and accuracy of a classifier with the given scores `[batch, class]`.
pub(crate) fn classifier_value(
    head: &Softmax,
    weight_decay: f64,
    logits: Tensor<2>,
    one_hot: Tensor<2>,
) -> Value {
    let rows = logits.dims()[0] as f64;
    let predicted = logits.clone().inner().argmax(1);
    let hits = predicted.equal(one_hot.clone().argmax(1)).float();
    let hits = precise(hits.cast(one_hot.dtype()));
    let log_probabilities = log_softmax(logits, 1);
    let cross_entropy = sum(log_probabilities * one_hot).mul_scalar(-1.0 / rows);
    let decay = sum(head.output.weight.val().square()).mul_scalar(0.5 * weight_decay);
    Value {
        terms: Tensor::cat(vec![cross_entropy, decay], 0),
        squared_error: None,
        rho_hat: None,
        accuracy: Some(hits.mean()),
    }
}

const CLASSIFIER_TERMS: &[&str] = &[term::CROSS_ENTROPY, term::WEIGHT_DECAY];

/// The softmax head's objective `L = −(1/R) Σ_k log P_k,label + (λ/2)‖Ws‖²` on fixed features.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrossEntropy {
    weight_decay: f64,
}

impl CrossEntropy {
    /// An objective with weight decay λ.
    ///
    /// # Errors
    ///
    /// Refuses λ that is negative or not finite.
    pub fn new(weight_decay: f64) -> Result<Self, ModelError> {
        not_negative("weight_decay", weight_decay)?;
        Ok(Self { weight_decay })
    }

    /// λ.
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay
    }
}

impl Objective for CrossEntropy {
    type Model = Softmax;
    type Batch = LabelledBatch;

    fn terms(&self) -> &'static [&'static str] {
        CLASSIFIER_TERMS
    }

    fn value(&self, head: &Softmax, batch: &LabelledBatch) -> Value {
        let logits = head.logits(batch.inputs.clone());
        classifier_value(head, self.weight_decay, logits, batch.one_hot.clone())
    }
}

/// The objective of fine-tuning: [`CrossEntropy`] of the whole network, with the decay on the head
/// only (as in UFLDL's stacked autoencoder exercise).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FineTuning {
    head: CrossEntropy,
}

impl FineTuning {
    /// An objective with weight decay λ on the head.
    ///
    /// # Errors
    ///
    /// As [`CrossEntropy::new`].
    pub fn new(weight_decay: f64) -> Result<Self, ModelError> {
        let head = CrossEntropy::new(weight_decay)?;
        Ok(Self { head })
    }

    /// λ.
    pub fn weight_decay(&self) -> f64 {
        self.head.weight_decay
    }
}

impl Objective for FineTuning {
    type Model = DeepNetwork;
    type Batch = LabelledBatch;

    fn terms(&self) -> &'static [&'static str] {
        CLASSIFIER_TERMS
    }

    fn value(&self, network: &DeepNetwork, batch: &LabelledBatch) -> Value {
        let codes = LabelledBatch {
            inputs: network.encode(batch.inputs.clone()),
            one_hot: batch.one_hot.clone(),
        };
        self.head.value(&network.head, &codes)
    }
}
