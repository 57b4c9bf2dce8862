//! The sparse autoencoder's objective.

use burn::module::Module;
use burn::tensor::{DType, Tensor, TensorData};
use sae_kernels::Setting;
use sae_kernels::setting::not_negative;

use super::{AutoencoderBatch, Objective, Value, term};
use crate::sums::{mean_of_columns, precise, sum};
use crate::units::{OnTensors, activity};
use crate::{Architecture, ModelError, Reconstruction, SparseAutoencoder, Unit};

/// ρ̂ is clamped to [ε, 1 − ε] inside the divergence, which is undefined outside (0, 1). The value
/// is the smallest power of ten for which 1 − ε differs from 1 in `f32`. Where the clamp acts, the
/// derivative of the sparsity term is zero under both gradient rules.
pub const RHO_HAT_EPSILON: f64 = 1e-7;

/// The objective
///
/// `J = (1/R) Σ_k ½‖x_k − z_k‖² + (α/2)(‖W1‖² + ‖W2‖²) + β Σ_j KL(ρ ‖ ρ̂_j) + (γ/R) Σ_kj |a_kj|`
///
/// with `KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1−ρ) log((1−ρ)/(1−ρ̂))` and ρ̂_j the mean activity of hidden
/// unit j over the batch (Ng, "Sparse autoencoder", CS294A lecture notes, 2011). The activity a is
/// the activation Y, for tanh units (1 + Y)/2. With tied weights W2 is W1ᵀ, so that W1 decays
/// twice. The first term may be a cross-entropy instead: see [`Reconstruction`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparseObjective {
    reconstruction: Reconstruction,
    weight_decay: f64,
    beta: f64,
    rho: f64,
    l1: f64,
}

impl SparseObjective {
    /// An objective with weight decay α, sparsity weight β and sparsity target ρ, of the squared
    /// error, without the L1 term (γ = 0).
    ///
    /// # Errors
    ///
    /// Refuses α or β that is negative or not finite, and ρ outside (0, 1).
    pub fn new(weight_decay: f64, beta: f64, rho: f64) -> Result<Self, ModelError> {
        not_negative("weight_decay", weight_decay)?;
        not_negative("beta", beta)?;
        if !(rho > 0.0 && rho < 1.0) {
            return Err(ModelError::setting("rho", rho, "a number in (0, 1)"));
        }
        Ok(Self {
            reconstruction: Reconstruction::SquaredError,
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
        not_negative("l1", l1)?;
        Ok(Self { l1, ..self })
    }

    /// The same with another reconstruction term.
    pub fn with_reconstruction(self, reconstruction: Reconstruction) -> Self {
        Self {
            reconstruction,
            ..self
        }
    }

    /// Checks that this objective makes sense for autoencoders of the given kind.
    ///
    /// # Errors
    ///
    /// Refuses the cross-entropy for decoders other than sigmoid, and the KL term for units whose
    /// activity leaves \[0, 1\] and beside top-k codes.
    pub fn check(&self, architecture: &Architecture) -> Result<(), Setting> {
        self.reconstruction.check(architecture.decoder)?;
        if self.beta == 0.0 {
            return Ok(());
        }
        if !architecture.encoder.is_bounded() {
            return Err(Setting::new(
                "beta",
                format!("{} with {} units", self.beta, architecture.encoder),
                "0: KL(rho || rho_hat) is defined only for activations in [0, 1], of sigmoid, tanh \
                 or satlin units; for others use l1 or top_k",
            ));
        }
        if let Some(k) = architecture.top_k {
            return Err(Setting::new(
                "beta",
                format!("{} with top_k {k}", self.beta),
                "0: top_k already fixes how many units are active; use one of the two",
            ));
        }
        Ok(())
    }

    /// What the reconstruction term measures.
    pub fn reconstruction(&self) -> Reconstruction {
        self.reconstruction
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
    /// - activity: `[batch, hidden]`
    /// - rho_hat: `[1, hidden]`
    pub(crate) fn value_of(
        &self,
        model: &SparseAutoencoder,
        output: Output,
        activity: Tensor<2>,
        rho_hat: Tensor<2>,
    ) -> Value {
        let rows = activity.dims()[0] as f64;
        let hidden = rho_hat.dims()[1];
        let squared_error = sum(output.error().square()).mul_scalar(1.0 / rows);
        let reconstruction = match self.reconstruction {
            Reconstruction::SquaredError => squared_error.clone().mul_scalar(0.5),
            Reconstruction::CrossEntropy => sum(output.cross_entropy()).mul_scalar(1.0 / rows),
        };
        let squares = |weight: Tensor<2>| sum(weight.square());
        let squares = match &model.decoder.weight {
            Some(weight) => squares(model.encoder.weight.val()) + squares(weight.val()),
            None => squares(model.encoder.weight.val()).mul_scalar(2.0),
        };
        let decay = squares.mul_scalar(0.5 * self.weight_decay);
        let sparsity = if self.beta > 0.0 {
            self.divergence(rho_hat.clone()).mul_scalar(self.beta)
        } else {
            decay.zeros_like()
        };
        let mut terms = vec![reconstruction, decay, sparsity];
        if self.l1 > 0.0 {
            terms.push(sum(activity.abs()).mul_scalar(self.l1 / rows));
        }
        Value {
            terms: Tensor::cat(terms, 0),
            squared_error: Some(squared_error),
            rho_hat: Some(rho_hat.reshape([hidden])),
            accuracy: None,
        }
    }

    /// Σ_j KL(ρ ‖ ρ̂_j) of `[1, hidden]`, `[1]`.
    ///
    /// With f(x) = x − log(1 + x) and d = ρ̂ − ρ, KL(ρ ‖ ρ̂) = ρ·f(d/ρ) + (1−ρ)·f(−d/(1−ρ)): what is
    /// linear in d cancels here and not in rounding, so that the divergence is right near its
    /// minimum too and never negative. (Burn's derivative of a division by a number rounds the
    /// number's inverse to `f32`; that of a product is exact.)
    fn divergence(&self, rho_hat: Tensor<2>) -> Tensor<1> {
        let rho = self.rho;
        let rho_hat = precise(rho_hat).clamp(RHO_HAT_EPSILON, 1.0 - RHO_HAT_EPSILON);
        let d = rho_hat.clone().sub_scalar(rho);
        let x = Tensor::cat(
            vec![
                d.clone().mul_scalar(1.0 / rho),
                d.neg().mul_scalar(1.0 / (1.0 - rho)),
            ],
            0,
        );
        let ratios = Tensor::cat(
            vec![
                rho_hat.clone().mul_scalar(1.0 / rho),
                rho_hat.neg().add_scalar(1.0).mul_scalar(1.0 / (1.0 - rho)),
            ],
            0,
        );
        let weights = TensorData::from([[rho], [1.0 - rho]]);
        let weights = Tensor::<2>::from_data(weights, (&x.device(), x.dtype()));
        (excess(x, ratios).sum_dim(1) * weights).sum()
    }

    /// g_j = β(−ρ/ρ̂_j + (1−ρ)/(1−ρ̂_j)) = β(ρ̂_j − ρ)/(ρ̂_j(1 − ρ̂_j)), the derivative of the sparsity
    /// term by ρ̂_j; zero where ρ̂_j is clamped. `[1, hidden]` → `[1, hidden]`.
    fn sparsity_slope(&self, rho_hat: Tensor<2>) -> Tensor<2> {
        let (low, high) = (RHO_HAT_EPSILON, 1.0 - RHO_HAT_EPSILON);
        let clamped = rho_hat
            .clone()
            .lower_scalar(low)
            .bool_or(rho_hat.clone().greater_scalar(high));
        let rho_hat = rho_hat.clamp(low, high);
        let variance = rho_hat.clone() * rho_hat.clone().neg().add_scalar(1.0);
        (rho_hat.sub_scalar(self.rho) / variance)
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

/// What the decoder gives beside what it should give, `[batch, input]` each.
pub(crate) struct Output {
    /// P3.
    pub pre_activation: Tensor<2>,
    /// Z = φ(P3).
    pub reconstruction: Tensor<2>,
    /// X.
    pub targets: Tensor<2>,
}

impl Output {
    pub(crate) fn of(model: &SparseAutoencoder, code: Tensor<2>, targets: Tensor<2>) -> Self {
        let pre_activation = model.pre_decode(code);
        Self {
            reconstruction: model.decoder.unit.apply(pre_activation.clone()),
            pre_activation,
            targets,
        }
    }

    /// Z − X.
    pub(crate) fn error(&self) -> Tensor<2> {
        self.reconstruction.clone() - self.targets.clone()
    }

    /// −x log z − (1 − x) log(1 − z) = log(1 + e^p) − xp of sigmoid outputs, elementwise.
    ///
    /// log(1 + e^p) = ½(p + |p|) + log(1 + e^−|p|) overflows nowhere, and its derivative on a tape is
    /// right at p = 0 too, where that of |p| is 0.
    fn cross_entropy(&self) -> Tensor<2> {
        let p = self.pre_activation.clone();
        let size = p.clone().abs();
        let larger = (p.clone() + size.clone()).mul_scalar(0.5);
        // What is large cancels first.
        (larger - p * self.targets.clone()) + size.neg().exp().log1p()
    }
}

/// f(x) = x − log(1 + x), elementwise, where `ratios` is 1 + x: by its series near 0, where the
/// difference would cancel.
fn excess(x: Tensor<2>, ratios: Tensor<2>) -> Tensor<2> {
    const TERMS: u32 = 8;
    // Up to here the series' rest is below the type's rounding, and beyond it the difference is not
    // much above it.
    let near = if x.dtype() == DType::F64 { 0.01 } else { 0.15 };
    let coefficient = |k: u32| (if k.is_multiple_of(2) { 1.0 } else { -1.0 }) / f64::from(k);
    let mut series = x.clone().mul_scalar(coefficient(TERMS + 1));
    for k in (3..=TERMS).rev() {
        series = series.add_scalar(coefficient(k)) * x.clone();
    }
    let series = series.add_scalar(coefficient(2)) * x.clone().square();
    let close = x.clone().abs().lower_scalar(near);
    (x - ratios.log()).mask_where(close, series)
}

/// The batch's own ρ̂, or the one that it was given: `[1, hidden]`. On a tape the gradient goes
/// through the batch's own.
pub(crate) fn rho_hat_of(activity: Tensor<2>, batch: &AutoencoderBatch) -> Tensor<2> {
    let own = mean_of_columns(activity);
    match &batch.rho_hat {
        Some(whole) => own.clone() + (whole.clone() - own.detach()),
        None => own,
    }
}

impl Objective for SparseObjective {
    type Model = SparseAutoencoder;
    type Batch = AutoencoderBatch;

    fn terms(&self) -> &'static [&'static str] {
        const fn with(reconstruction: Reconstruction) -> [&'static str; 4] {
            let first = term::reconstruction(reconstruction);
            [first, term::WEIGHT_DECAY, term::SPARSITY, term::L1]
        }
        const SQUARED_ERROR: [&str; 4] = with(Reconstruction::SquaredError);
        const CROSS_ENTROPY: [&str; 4] = with(Reconstruction::CrossEntropy);
        let terms = match self.reconstruction {
            Reconstruction::SquaredError => &SQUARED_ERROR,
            Reconstruction::CrossEntropy => &CROSS_ENTROPY,
        };
        match self.l1 > 0.0 {
            true => terms,
            false => &terms[..3],
        }
    }

    fn value(&self, model: &SparseAutoencoder, batch: &AutoencoderBatch) -> Value {
        let code = model.encode(batch.inputs.clone());
        let activity = activity(model.encoder.activation.unit, code.clone());
        let rho_hat = rho_hat_of(activity.clone(), batch);
        let output = Output::of(model, code, batch.targets.clone());
        self.value_of(model, output, activity, rho_hat)
    }

    fn mean_activity(
        &self,
        model: &SparseAutoencoder,
        batch: &AutoencoderBatch,
    ) -> Option<Tensor<2>> {
        (self.beta > 0.0).then(|| {
            let model = model.valid();
            let code = model.encode(batch.inputs.clone());
            mean_of_columns(activity(model.encoder.activation.unit, code))
        })
    }
}
