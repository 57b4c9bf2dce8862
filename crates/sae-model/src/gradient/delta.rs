//! The hand-derived delta rules (derivation and corrections of the note: `docs/derivation.md`).
//!
//! The 1/R of the mean convention is folded into the output delta, from where the chain rule
//! carries it into every gradient.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::activation::softmax as softmax_of;

use super::{DeltaRule, Gradient};
use crate::objective::{AutoencoderBatch, Output, Value, classifier_value, rho_hat_of};
use crate::units::{OnTensors, activity};
use crate::{
    CrossEntropy, DeepNetwork, Dense, FineTuning, LabelledBatch, Reconstruction, Softmax,
    SparseAutoencoder, SparseObjective,
};

impl DeltaRule for SparseObjective {
    /// The sparse autoencoder in the note's three passes: forward, ρ̂, backward.
    ///
    /// ```text
    /// Δ3 = (Z − X) ⊙ φ'(P3) / R
    /// Δ2 = (Δ3·W2ᵀ + 1·gᵀ / R) ⊙ φ'(P2)
    /// ∂J/∂W2 = Yᵀ·Δ3 + αW2     ∂J/∂c = Σ_k Δ3_k
    /// ∂J/∂W1 = Xᵀ·Δ2 + αW1     ∂J/∂b = Σ_k Δ2_k
    /// ```
    ///
    /// With the cross-entropy Δ3 = (Z − X) / R. With tanh units g carries the factor ½ of the activity (1 + Y)/2. With tied weights the
    /// gradient of W1 is ∂J/∂W1 + (∂J/∂W2)ᵀ.
    fn delta(&self, model: &SparseAutoencoder, batch: &AutoencoderBatch) -> Gradient {
        let model = model.valid();
        let activation = model.encoder.activation;
        let per_row = 1.0 / batch.inputs.dims()[0] as f64;

        let code = model.encode(batch.inputs.clone());
        let output = Output::of(&model, code.clone(), batch.targets.clone());

        let activity = activity(activation.unit, code.clone());
        let rho_hat = rho_hat_of(activity.clone(), batch);

        let error = output.error().mul_scalar(per_row);
        let delta3 = match self.reconstruction() {
            Reconstruction::SquaredError => {
                let reconstruction = output.reconstruction.clone();
                model.decoder.unit.back(error, reconstruction)
            }
            Reconstruction::CrossEntropy => error,
        };
        let back = delta3.clone().matmul(model.decoder_weight().transpose());
        let back = self.add_sparsity(
            activation.unit,
            back,
            activity.clone(),
            rho_hat.clone(),
            per_row,
        );
        let delta2 = activation.back(back, code.clone());

        let mut gradients = GradientsParams::new();
        let weight_decay = self.weight_decay();
        let slope2 = weight_gradient(code, delta3.clone(), model.decoder_weight(), weight_decay);
        let slope1 = weight_gradient(
            batch.inputs.clone(),
            delta2.clone(),
            model.encoder.weight.val(),
            weight_decay,
        );
        match model.decoder_weight_id() {
            Some(id) => {
                gradients.register(id, slope2);
                gradients.register(model.encoder.weight.id, slope1);
            }
            None => gradients.register(model.encoder.weight.id, slope1 + slope2.transpose()),
        }
        gradients.register(model.decoder.bias.id, bias_gradient(delta3));
        gradients.register(model.encoder.bias.id, bias_gradient(delta2));
        Gradient {
            value: self.value_of(&model, output, activity, rho_hat),
            gradients,
        }
    }
}

impl DeltaRule for CrossEntropy {
    /// The softmax head: Δ_out = (P − onehot) / R.
    fn delta(&self, head: &Softmax, batch: &LabelledBatch) -> Gradient {
        let head = head.valid();
        let weight_decay = self.weight_decay();
        let mut gradients = GradientsParams::new();
        let (value, _) = head_pass(&mut gradients, &head, weight_decay, batch);
        Gradient { value, gradients }
    }
}

impl DeltaRule for FineTuning {
    /// Fine-tuning: Δ_out goes down through the encoders by Δ_l = (Δ_{l+1}·W_{l+1}ᵀ) ⊙ φ'(P_l).
    fn delta(&self, network: &DeepNetwork, batch: &LabelledBatch) -> Gradient {
        let network = network.valid();
        let mut activations = vec![batch.inputs.clone()];
        for encoder in &network.encoders {
            let below = activations[activations.len() - 1].clone();
            activations.push(encoder.forward(below));
        }

        let mut gradients = GradientsParams::new();
        let top = LabelledBatch {
            inputs: activations[network.encoders.len()].clone(),
            one_hot: batch.one_hot.clone(),
        };
        let weight_decay = self.weight_decay();
        let (value, mut delta) = head_pass(&mut gradients, &network.head, weight_decay, &top);
        let mut above = &network.head.output;
        for (index, encoder) in network.encoders.iter().enumerate().rev() {
            let back = delta.matmul(above.weight.val().transpose());
            delta = encoder
                .activation
                .back(back, activations[index + 1].clone());
            let input = activations[index].clone();
            register(&mut gradients, encoder, input, delta.clone(), 0.0);
            above = encoder;
        }
        Gradient { value, gradients }
    }
}

/// Forward and backward through the head; returns Δ_out `[batch, class]`.
fn head_pass(
    gradients: &mut GradientsParams,
    head: &Softmax,
    weight_decay: f64,
    batch: &LabelledBatch,
) -> (Value, Tensor<2>) {
    let rows = batch.inputs.dims()[0] as f64;
    let logits = head.logits(batch.inputs.clone());
    let delta = (softmax_of(logits.clone(), 1) - batch.one_hot.clone()).div_scalar(rows);
    let input = batch.inputs.clone();
    register(gradients, &head.output, input, delta.clone(), weight_decay);
    let value = classifier_value(head, weight_decay, logits, batch.one_hot.clone());
    (value, delta)
}

/// Registers the gradients of a layer's weight and bias.
///
/// # Shapes
///
/// - input: `[batch, inputs]`
/// - delta: `[batch, outputs]`, 1/R included
fn register(
    gradients: &mut GradientsParams,
    layer: &Dense,
    input: Tensor<2>,
    delta: Tensor<2>,
    decay: f64,
) {
    let weight = weight_gradient(input, delta.clone(), layer.weight.val(), decay);
    gradients.register(layer.weight.id, weight);
    gradients.register(layer.bias.id, bias_gradient(delta));
}

/// inputᵀ·delta + decay·W.
fn weight_gradient(input: Tensor<2>, delta: Tensor<2>, weight: Tensor<2>, decay: f64) -> Tensor<2> {
    let gradient = input.transpose().matmul(delta);
    if decay > 0.0 {
        gradient + weight.mul_scalar(decay)
    } else {
        gradient
    }
}

/// The column sums of delta: `[batch, outputs]` → `[outputs]`.
fn bias_gradient(delta: Tensor<2>) -> Tensor<1> {
    let outputs = delta.dims()[1];
    delta.sum_dim(0).reshape([outputs])
}
