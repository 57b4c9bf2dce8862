//! The hand-derived delta rules (derivation and corrections of the note: `docs/derivation.md`).
//!
//! The 1/R of the mean convention is folded into the output delta, from where the chain rule
//! carries it into every gradient.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, softmax as softmax_of};

use crate::objective::{Value, classifier_value};
use crate::{
    CrossEntropy, DeepNetwork, Dense, FineTuning, LabelledBatch, Softmax, SparseAutoencoder,
    SparseObjective,
};

/// The sparse autoencoder in the note's three passes: forward, ρ̂, backward.
///
/// ```text
/// Δ3 = (Z − X) ⊙ φ'(P3) / R
/// Δ2 = (Δ3·W2ᵀ + 1·gᵀ / R) ⊙ φ'(P2)
/// ∂J/∂W2 = Yᵀ·Δ3 + αW2     ∂J/∂c = Σ_k Δ3_k
/// ∂J/∂W1 = Xᵀ·Δ2 + αW1     ∂J/∂b = Σ_k Δ2_k
/// ```
pub(crate) fn autoencoder(
    objective: &SparseObjective,
    model: &SparseAutoencoder,
    x: &Tensor<2>,
) -> (Value, GradientsParams) {
    let model = model.valid();
    let per_row = 1.0 / x.dims()[0] as f64;

    let code = model.encode(x.clone());
    let reconstruction = model.decode(code.clone());
    let error = reconstruction.clone() - x.clone();

    let rho_hat = code.clone().mean_dim(0);
    let slope = objective.sparsity_slope(rho_hat.clone());

    let delta3 = error.clone().mul_scalar(per_row) * sigmoid_slope(reconstruction);
    let back = delta3
        .clone()
        .matmul(model.decoder.plain_weight().transpose());
    let delta2 = (back + slope.mul_scalar(per_row)) * sigmoid_slope(code.clone());

    let mut gradients = GradientsParams::new();
    let alpha = objective.weight_decay();
    register(&mut gradients, &model.decoder, code, delta3, alpha);
    register(&mut gradients, &model.encoder, x.clone(), delta2, alpha);
    (objective.value_of(&model, error, rho_hat), gradients)
}

/// The softmax head: Δ_out = (P − onehot) / R.
pub(crate) fn softmax(
    objective: &CrossEntropy,
    head: &Softmax,
    batch: &LabelledBatch,
) -> (Value, GradientsParams) {
    let head = head.valid();
    let lambda = objective.weight_decay();
    let mut gradients = GradientsParams::new();
    let (value, _) = head_pass(&mut gradients, &head, lambda, batch);
    (value, gradients)
}

/// Fine-tuning: Δ_out goes down through the encoders by Δ_l = (Δ_{l+1}·W_{l+1}ᵀ) ⊙ φ'(P_l).
pub(crate) fn network(
    objective: &FineTuning,
    network: &DeepNetwork,
    batch: &LabelledBatch,
) -> (Value, GradientsParams) {
    let network = network.valid();
    let mut activations = vec![batch.inputs.clone()];
    for encoder in &network.encoders {
        let below = activations[activations.len() - 1].clone();
        activations.push(sigmoid(encoder.forward(below)));
    }

    let mut gradients = GradientsParams::new();
    let top = LabelledBatch {
        inputs: activations[network.encoders.len()].clone(),
        one_hot: batch.one_hot.clone(),
    };
    let lambda = objective.weight_decay();
    let (value, mut delta) = head_pass(&mut gradients, &network.head, lambda, &top);
    let mut above = &network.head.output;
    for (index, encoder) in network.encoders.iter().enumerate().rev() {
        let slope = sigmoid_slope(activations[index + 1].clone());
        delta = delta.matmul(above.plain_weight().transpose()) * slope;
        let input = activations[index].clone();
        register(&mut gradients, encoder, input, delta.clone(), 0.0);
        above = encoder;
    }
    (value, gradients)
}

/// Forward and backward through the head; returns Δ_out `[batch, class]`.
fn head_pass(
    gradients: &mut GradientsParams,
    head: &Softmax,
    lambda: f64,
    batch: &LabelledBatch,
) -> (Value, Tensor<2>) {
    let rows = batch.inputs.dims()[0] as f64;
    let logits = head.logits(batch.inputs.clone());
    let delta = (softmax_of(logits.clone(), 1) - batch.one_hot.clone()).div_scalar(rows);
    let input = batch.inputs.clone();
    register(gradients, &head.output, input, delta.clone(), lambda);
    let value = classifier_value(head, lambda, logits, batch.one_hot.clone());
    (value, delta)
}

/// φ'(P) = φ(1 − φ), from the activation φ itself.
fn sigmoid_slope(activation: Tensor<2>) -> Tensor<2> {
    activation.clone() * activation.neg().add_scalar(1.0)
}

/// Registers inputᵀ·delta + decay·W and the column sums of delta.
///
/// # Shapes
///
/// - input: `[batch, inputs]`
/// - delta: `[batch, outputs]`, 1/R included
fn register(
    gradients: &mut GradientsParams,
    map: &Dense,
    input: Tensor<2>,
    delta: Tensor<2>,
    decay: f64,
) {
    let outputs = delta.dims()[1];
    let mut weight = input.transpose().matmul(delta.clone());
    if decay > 0.0 {
        weight = weight + map.plain_weight().mul_scalar(decay);
    }
    gradients.register(map.weight.id, weight);
    gradients.register(map.bias.id, delta.sum_dim(0).reshape([outputs]));
}
