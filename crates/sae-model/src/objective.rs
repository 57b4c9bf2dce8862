//! What is minimised, split into named terms.
//!
//! All objectives use the mean convention: the data term is a mean over the samples of the batch.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

use crate::gradient;
use crate::parameters::host_values;
use crate::{DeepNetwork, ModelError, Softmax, SparseAutoencoder};

/// ρ̂ is clamped to [ε, 1 − ε] inside the divergence, which is undefined outside (0, 1). The value
/// is the smallest power of ten for which 1 − ε differs from 1 in `f32`. Where the clamp acts, the
/// derivative of the sparsity term is zero under both gradient rules.
pub const RHO_HAT_EPSILON: f64 = 1e-7;

/// An objective's value on one batch, kept on the device so that training need not wait for it.
#[derive(Debug, Clone)]
pub struct Value {
    /// The terms, `[term]`, in the order of [`Objective::terms`]; J is their sum.
    pub terms: Tensor<1>,
    /// A mean over the batch that describes the model: ρ̂ `[hidden]` for an autoencoder, the
    /// accuracy `[1]` for a classifier.
    pub statistic: Tensor<1>,
}

impl Value {
    /// The terms on the host, in the order of [`Objective::terms`].
    pub fn host_terms(&self) -> Vec<f64> {
        host_values(self.terms.clone().inner())
    }

    /// The statistic on the host.
    pub fn host_statistic(&self) -> Vec<f64> {
        host_values(self.statistic.clone().inner())
    }

    /// J on the host.
    pub fn host_total(&self) -> f64 {
        self.host_terms().iter().sum()
    }
}

/// A differentiable number that depends on a model and a batch.
pub trait Objective {
    /// The model whose parameters are varied.
    type Model: Module;
    /// The data on which the objective is defined.
    type Batch: Clone;

    /// The names of the terms, in order.
    fn terms(&self) -> &'static [&'static str];

    /// The value, computed with tensor operations: it carries a gradient tape if `model` does.
    fn value(&self, model: &Self::Model, batch: &Self::Batch) -> Value;

    /// The value and its gradient by the hand-derived delta rules, without a tape.
    fn delta(&self, model: &Self::Model, batch: &Self::Batch) -> (Value, GradientsParams);
}

/// The sparse autoencoder's objective
///
/// `J = (1/R) Σ_k ½‖x_k − z_k‖² + (α/2)(‖W1‖² + ‖W2‖²) + β Σ_j KL(ρ ‖ ρ̂_j)`
///
/// with `KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1−ρ) log((1−ρ)/(1−ρ̂))` and ρ̂_j the mean activation of hidden
/// unit j over the batch (Ng, "Sparse autoencoder", CS294A lecture notes, 2011).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparseObjective {
    weight_decay: f64,
    beta: f64,
    rho: f64,
}

impl SparseObjective {
    /// An objective with weight decay α, sparsity weight β and sparsity target ρ.
    ///
    /// # Errors
    ///
    /// Refuses α or β that is negative or not finite, and ρ outside (0, 1).
    pub fn new(weight_decay: f64, beta: f64, rho: f64) -> Result<Self, ModelError> {
        check_non_negative("weight_decay", weight_decay)?;
        check_non_negative("beta", beta)?;
        if !(rho > 0.0 && rho < 1.0) {
            return Err(ModelError::setting("rho", rho, "a number in (0, 1)"));
        }
        Ok(Self {
            weight_decay,
            beta,
            rho,
        })
    }

    /// α.
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// ρ.
    pub fn rho(&self) -> f64 {
        self.rho
    }

    /// The three terms, given what the forward pass produced.
    ///
    /// # Shapes
    ///
    /// - error `z − x`: `[batch, input]`
    /// - rho_hat: `[1, hidden]`
    pub(crate) fn value_of(
        &self,
        model: &SparseAutoencoder,
        error: Tensor<2>,
        rho_hat: Tensor<2>,
    ) -> Value {
        let rows = error.dims()[0] as f64;
        let hidden = rho_hat.dims()[1];
        let reconstruction = error.square().sum().mul_scalar(0.5 / rows);
        let decay = (model.encoder.half_square() + model.decoder.half_square())
            .mul_scalar(self.weight_decay);
        let sparsity = self.divergence(rho_hat.clone()).mul_scalar(self.beta);
        Value {
            terms: Tensor::cat(vec![reconstruction, decay, sparsity], 0),
            statistic: rho_hat.reshape([hidden]),
        }
    }

    /// Σ_j KL(ρ ‖ ρ̂_j) of `[1, hidden]`, `[1]`.
    fn divergence(&self, rho_hat: Tensor<2>) -> Tensor<1> {
        let rho = self.rho;
        let rho_hat = rho_hat.clamp(RHO_HAT_EPSILON, 1.0 - RHO_HAT_EPSILON);
        let hidden = rho_hat.dims()[1] as f64;
        let on = rho_hat.clone().log().sum().mul_scalar(-rho);
        let off = (rho_hat.neg().add_scalar(1.0)).log().sum();
        let entropy = rho * rho.ln() + (1.0 - rho) * (1.0 - rho).ln();
        (on + off.mul_scalar(rho - 1.0)).add_scalar(hidden * entropy)
    }

    /// g_j = β(−ρ/ρ̂_j + (1−ρ)/(1−ρ̂_j)), the derivative of the sparsity term by ρ̂_j;
    /// zero where ρ̂_j is clamped. `[1, hidden]` → `[1, hidden]`.
    pub(crate) fn sparsity_slope(&self, rho_hat: Tensor<2>) -> Tensor<2> {
        let (low, high) = (RHO_HAT_EPSILON, 1.0 - RHO_HAT_EPSILON);
        let clamped = rho_hat
            .clone()
            .lower_scalar(low)
            .bool_or(rho_hat.clone().greater_scalar(high));
        let rho_hat = rho_hat.clamp(low, high);
        let on = rho_hat.clone().recip().mul_scalar(-self.rho);
        let off = rho_hat.neg().add_scalar(1.0).recip();
        (on + off.mul_scalar(1.0 - self.rho))
            .mul_scalar(self.beta)
            .mask_fill(clamped, 0.0)
    }
}

impl Objective for SparseObjective {
    type Model = SparseAutoencoder;
    /// Inputs `[batch, input]`, which are also the targets.
    type Batch = Tensor<2>;

    fn terms(&self) -> &'static [&'static str] {
        &["reconstruction", "weight_decay", "sparsity"]
    }

    fn value(&self, model: &SparseAutoencoder, x: &Tensor<2>) -> Value {
        let code = model.encode(x.clone());
        let rho_hat = code.clone().mean_dim(0);
        let error = model.decode(code) - x.clone();
        self.value_of(model, error, rho_hat)
    }

    fn delta(&self, model: &SparseAutoencoder, x: &Tensor<2>) -> (Value, GradientsParams) {
        gradient::delta::autoencoder(self, model, x)
    }
}

/// Samples with their classes.
#[derive(Debug, Clone)]
pub struct LabelledBatch {
    /// Inputs or codes, `[batch, feature]`.
    pub inputs: Tensor<2>,
    /// One row per sample with a one in the column of its class, `[batch, class]`.
    pub one_hot: Tensor<2>,
}

impl LabelledBatch {
    /// Marks the class of each row of `inputs` among `classes` classes.
    ///
    /// # Errors
    ///
    /// Refuses a number of labels other than the number of rows, and a label beyond the classes.
    pub fn new(inputs: Tensor<2>, labels: &[u8], classes: usize) -> Result<Self, ModelError> {
        let rows = inputs.dims()[0];
        if labels.len() != rows {
            return Err(ModelError::Shape {
                operation: "labelling a batch",
                left_name: "the inputs",
                left: inputs.dims().to_vec(),
                right_name: "the labels",
                right: vec![labels.len()],
            });
        }
        let mut one_hot = vec![0f32; rows * classes];
        for (row, &label) in labels.iter().enumerate() {
            let label = usize::from(label);
            if label >= classes {
                return Err(ModelError::setting(
                    "label",
                    label,
                    "a number below the number of classes",
                ));
            }
            one_hot[row * classes + label] = 1.0;
        }
        let data = TensorData::new(one_hot, [rows, classes]);
        let one_hot = Tensor::from_data(data, (&inputs.device(), inputs.dtype()));
        Ok(Self { inputs, one_hot })
    }
}

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
    let log_probabilities = log_softmax(logits, 1);
    let cross_entropy = (log_probabilities * one_hot).sum().mul_scalar(-1.0 / rows);
    let decay = head.output.half_square().mul_scalar(weight_decay);
    Value {
        terms: Tensor::cat(vec![cross_entropy, decay], 0),
        statistic: hits.mean(),
    }
}

const CLASSIFIER_TERMS: &[&str] = &["cross_entropy", "weight_decay"];

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
        check_non_negative("weight_decay", weight_decay)?;
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

    fn delta(&self, head: &Softmax, batch: &LabelledBatch) -> (Value, GradientsParams) {
        gradient::delta::softmax(self, head, batch)
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

    fn delta(&self, network: &DeepNetwork, batch: &LabelledBatch) -> (Value, GradientsParams) {
        gradient::delta::network(self, network, batch)
    }
}

fn check_non_negative(name: &'static str, value: f64) -> Result<(), ModelError> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(ModelError::setting(name, value, "a finite number >= 0"))
    }
}
