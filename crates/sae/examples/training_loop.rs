//! The training loop written by hand, on `sae-model` and Burn alone: gradient descent by the note's
//! delta rules, with Burn's Adam.

use burn::optim::AdamConfig;
use burn::tensor::{DType, Device, Distribution, Tensor};
use sae_data::{Stream, stream};
use sae_model::{AutoencoderBatch, AutoencoderConfig, GradientRule, ModelError, SparseObjective};

pub(crate) fn main() -> Result<(), ModelError> {
    let device = Device::flex();
    device.seed(1);
    let uniform = Distribution::Uniform(0.0, 1.0);
    // [batch, input]: 64 samples of which every second value repeats the one before.
    let half = Tensor::<2>::random([64, 6], uniform, (&device, DType::F32));
    let batch = AutoencoderBatch::from(Tensor::cat(vec![half.clone(), half], 1));

    let mut rng = stream(1, Stream::Autoencoder(0));
    let mut model = AutoencoderConfig::new(12, 6)?.init(&mut rng, DType::F32, &device);
    let objective = SparseObjective::new(1e-5, 0.01, 0.3)?;
    let mut adam = AdamConfig::new().init();
    let mut values = Vec::new();
    for _ in 0..300 {
        let gradient = GradientRule::Delta.gradient(&objective, &model, &batch);
        values.push(gradient.value.total());
        model = adam.step(0.02, model, gradient.gradients);
    }
    assert!(
        values[299] < 0.5 * values[0],
        "J {} to {}",
        values[0],
        values[299]
    );
    Ok(())
}
