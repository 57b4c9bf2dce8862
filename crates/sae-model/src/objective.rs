//! What is minimised, split into named terms.
//!
//! All objectives use the mean convention: the data term is a mean over the samples of the batch.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

use crate::fused::Fused;
use crate::gradient;
use crate::parameters::host_values;
use crate::{Architecture, DeepNetwork, ModelError, Softmax, SparseAutoencoder, Unit};

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

    /// All of it on the host.
    pub fn to_host(&self) -> HostValue {
        HostValue {
            terms: self.host_terms(),
            statistic: self.host_statistic(),
        }
    }
}

/// A [`Value`] on the host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostValue {
    /// The terms, in the order of [`Objective::terms`].
    pub terms: Vec<f64>,
    /// ρ̂ of each hidden unit, or the accuracy.
    pub statistic: Vec<f64>,
}

impl HostValue {
    /// J.
    pub fn total(&self) -> f64 {
        self.terms.iter().sum()
    }

    /// Adds `weight` times `more`.
    pub fn add(&mut self, more: &Self, weight: f64) {
        let pairs = [
            (&mut self.terms, &more.terms),
            (&mut self.statistic, &more.statistic),
        ];
        for (sum, more) in pairs {
            sum.resize(more.len(), 0.0);
            for (sum, more) in sum.iter_mut().zip(more) {
                *sum += weight * more;
            }
        }
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

    /// The model and this objective inside the fused kernels, with `threads` threads; nothing where
    /// they do not cover it. The model must lie on the CPU.
    fn fused(&self, _model: &Self::Model, _threads: usize) -> Option<Fused> {
        None
    }

    /// The batch's own ρ̂ `[1, hidden]`, off the tape, where the objective depends on it; nothing
    /// where it is a plain mean over samples.
    fn rho_hat(&self, _model: &Self::Model, _batch: &Self::Batch) -> Option<Tensor<2>> {
        None
    }

    /// The batch with `offset` `[1, hidden]`, a constant, added to its ρ̂. Only called where
    /// [`Objective::rho_hat`] gives something.
    fn with_rho_hat_offset(&self, batch: Self::Batch, _offset: Tensor<2>) -> Self::Batch {
        batch
    }
}

/// Samples for an autoencoder.
#[derive(Debug, Clone)]
pub struct AutoencoderBatch {
    /// What the encoder sees, `[batch, input]`; corrupted where the autoencoder is to denoise.
    pub inputs: Tensor<2>,
    /// What the decoder should give, `[batch, input]`.
    pub targets: Tensor<2>,
    /// A constant added to the batch's mean activation, `[1, hidden]`. It makes ρ̂ that of a larger
    /// set of which this batch is a part, while the gradient goes through the batch's own mean.
    pub rho_hat_offset: Option<Tensor<2>>,
}

impl From<Tensor<2>> for AutoencoderBatch {
    /// Inputs `[batch, input]` that are also the targets.
    fn from(x: Tensor<2>) -> Self {
        Self {
            inputs: x.clone(),
            targets: x,
            rho_hat_offset: None,
        }
    }
}

/// The sparse autoencoder's objective
///
/// `J = (1/R) Σ_k ½‖x_k − z_k‖² + (α/2)(‖W1‖² + ‖W2‖²) + β Σ_j KL(ρ ‖ ρ̂_j) + (γ/R) Σ_kj |a_kj|`
///
/// with `KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1−ρ) log((1−ρ)/(1−ρ̂))` and ρ̂_j the mean activity of hidden
/// unit j over the batch (Ng, "Sparse autoencoder", CS294A lecture notes, 2011). The activity a is
/// the activation Y, for tanh units (1 + Y)/2. With tied weights W2 is W1ᵀ, so that W1 decays
/// twice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparseObjective {
    weight_decay: f64,
    beta: f64,
    rho: f64,
    l1: f64,
}

impl SparseObjective {
    /// An objective with weight decay α, sparsity weight β and sparsity target ρ, without the L1
    /// term (γ = 0).
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
            l1: 0.0,
        })
    }

    /// The same with the L1 weight γ.
    ///
    /// # Errors
    ///
    /// Refuses γ that is negative or not finite.
    pub fn with_l1(self, l1: f64) -> Result<Self, ModelError> {
        check_non_negative("l1", l1)?;
        Ok(Self { l1, ..self })
    }

    /// Checks that this objective makes sense for autoencoders of the given kind.
    ///
    /// # Errors
    ///
    /// Refuses the KL term for units whose activity leaves \[0, 1\] and beside top-k codes.
    pub fn check(&self, architecture: &Architecture) -> Result<(), ModelError> {
        if self.beta == 0.0 {
            return Ok(());
        }
        if !architecture.encoder.is_bounded() {
            return Err(ModelError::setting(
                "beta",
                format!("{} with {} units", self.beta, architecture.encoder),
                "0: KL(rho || rho_hat) is defined only for activations in [0, 1], of sigmoid, tanh \
                 or satlin units; for others use l1 or top_k",
            ));
        }
        if let Some(k) = architecture.top_k {
            return Err(ModelError::setting(
                "beta",
                format!("{} with top_k {k}", self.beta),
                "0: top_k already fixes how many units are active; use one of the two",
            ));
        }
        Ok(())
    }

    /// α.
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// β.
    pub fn beta(&self) -> f64 {
        self.beta
    }

    /// ρ.
    pub fn rho(&self) -> f64 {
        self.rho
    }

    /// γ.
    pub fn l1(&self) -> f64 {
        self.l1
    }

    /// The terms, given what the forward pass produced.
    ///
    /// # Shapes
    ///
    /// - error `z − x`: `[batch, input]`
    /// - activity: `[batch, hidden]`
    /// - rho_hat: `[1, hidden]`
    pub(crate) fn value_of(
        &self,
        model: &SparseAutoencoder,
        error: Tensor<2>,
        activity: Tensor<2>,
        rho_hat: Tensor<2>,
    ) -> Value {
        let rows = error.dims()[0] as f64;
        let hidden = rho_hat.dims()[1];
        let reconstruction = error.square().sum().mul_scalar(0.5 / rows);
        let squares =
            model.encoder.weight.val().square().sum() + model.decoder_weight().square().sum();
        let decay = squares.mul_scalar(0.5 * self.weight_decay);
        let sparsity = if self.beta > 0.0 {
            self.divergence(rho_hat.clone()).mul_scalar(self.beta)
        } else {
            decay.zeros_like()
        };
        let mut terms = vec![reconstruction, decay, sparsity];
        if self.l1 > 0.0 {
            terms.push(activity.abs().sum().mul_scalar(self.l1 / rows));
        }
        Value {
            terms: Tensor::cat(terms, 0),
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
    fn sparsity_slope(&self, rho_hat: Tensor<2>) -> Tensor<2> {
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

    /// What the sparsity terms add to `R · ∂J/∂Y` of every row: φ's share is not in it.
    ///
    /// # Shapes
    ///
    /// - activity: `[batch, hidden]`
    /// - rho_hat: `[1, hidden]`
    /// - back `Δ3·W2ᵀ`, and the result: `[batch, hidden]`
    pub(crate) fn add_sparsity(
        &self,
        unit: Unit,
        back: Tensor<2>,
        activity: Tensor<2>,
        rho_hat: Tensor<2>,
        per_row: f64,
    ) -> Tensor<2> {
        let slope = unit.activity_slope() * per_row;
        let mut sum = back;
        if self.beta > 0.0 {
            sum = sum + self.sparsity_slope(rho_hat).mul_scalar(slope);
        }
        if self.l1 > 0.0 {
            sum = sum + activity.sign().mul_scalar(self.l1 * slope);
        }
        sum
    }
}

/// The batch's ρ̂ with its offset, `[1, hidden]`.
pub(crate) fn rho_hat_of(activity: Tensor<2>, batch: &AutoencoderBatch) -> Tensor<2> {
    let mean = activity.mean_dim(0);
    match &batch.rho_hat_offset {
        Some(offset) => mean + offset.clone(),
        None => mean,
    }
}

impl Objective for SparseObjective {
    type Model = SparseAutoencoder;
    type Batch = AutoencoderBatch;

    fn terms(&self) -> &'static [&'static str] {
        if self.l1 > 0.0 {
            &["reconstruction", "weight_decay", "sparsity", "l1"]
        } else {
            &["reconstruction", "weight_decay", "sparsity"]
        }
    }

    fn value(&self, model: &SparseAutoencoder, batch: &AutoencoderBatch) -> Value {
        let code = model.encode(batch.inputs.clone());
        let activity = model.encoder.activation.unit.activity(code.clone());
        let rho_hat = rho_hat_of(activity.clone(), batch);
        let error = model.decode(code) - batch.targets.clone();
        self.value_of(model, error, activity, rho_hat)
    }

    fn delta(
        &self,
        model: &SparseAutoencoder,
        batch: &AutoencoderBatch,
    ) -> (Value, GradientsParams) {
        gradient::delta::autoencoder(self, model, batch)
    }

    fn fused(&self, model: &SparseAutoencoder, threads: usize) -> Option<Fused> {
        Fused::autoencoder(self, model, threads)
    }

    fn rho_hat(&self, model: &SparseAutoencoder, batch: &AutoencoderBatch) -> Option<Tensor<2>> {
        (self.beta > 0.0).then(|| {
            let model = model.valid();
            let code = model.encode(batch.inputs.clone());
            model.encoder.activation.unit.activity(code).mean_dim(0)
        })
    }

    fn with_rho_hat_offset(&self, batch: AutoencoderBatch, offset: Tensor<2>) -> AutoencoderBatch {
        AutoencoderBatch {
            rho_hat_offset: Some(offset),
            ..batch
        }
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
    let hits = hits.cast(one_hot.dtype());
    let log_probabilities = log_softmax(logits, 1);
    let cross_entropy = (log_probabilities * one_hot).sum().mul_scalar(-1.0 / rows);
    let squares = head.output.weight.val().square().sum();
    let decay = squares.mul_scalar(0.5 * weight_decay);
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

    fn fused(&self, head: &Softmax, threads: usize) -> Option<Fused> {
        Fused::softmax(self, head, threads)
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

    fn fused(&self, network: &DeepNetwork, threads: usize) -> Option<Fused> {
        Fused::network(self, network, threads)
    }
}

fn check_non_negative(name: &'static str, value: f64) -> Result<(), ModelError> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(ModelError::setting(name, value, "a finite number >= 0"))
    }
}
