//! An autoencoder with one's own term in the objective, trained by automatic differentiation.

use burn::tensor::{DType, Device};
use sae_data::{Dataset, Stream, stream};
use sae_model::{AutoencoderBatch, AutoencoderConfig, Objective, SparseAutoencoder, Value};
use sae_train::{Data, OnBurn, Session, Task, TrainError, Training};

/// The mean squared error, and a pull of this weight that keeps codes smooth from unit to unit.
struct Smooth(f64);

impl Objective for Smooth {
    type Model = SparseAutoencoder;
    type Batch = AutoencoderBatch;

    fn terms(&self) -> &'static [&'static str] {
        &["error", "roughness"]
    }

    fn value(&self, model: &SparseAutoencoder, batch: &AutoencoderBatch) -> Value {
        let code = model.encode(batch.inputs.clone());
        let last = code.dims()[1] - 1;
        let steps = code.clone().narrow(1, 1, last) - code.clone().narrow(1, 0, last);
        let error = model.decode(code) - batch.targets.clone();
        Value::new(vec![error.square().mean(), steps.square().mean() * self.0])
    }
}

pub(crate) fn main() -> Result<(), TrainError> {
    let values = (0..400u16).map(|i| f32::from(i * 37 % 101) / 101.0);
    let data = Dataset::from_rows(8, values.collect());
    let (device, training) = (Device::flex(), Training::default());
    let mut rng = stream(1, Stream::Autoencoder(0));
    let model = AutoencoderConfig::new(8, 5)?.init(&mut rng, DType::F32, &device);
    let executor = OnBurn::autodiff(Smooth(0.1), model, 0, &training, &device);
    let task = Task::new("smooth", Data::unlabelled(&data.samples));
    let fitted = Session::new(task, training, Box::new(executor))?.run(|_| Ok(()))?;
    assert_eq!(fitted.epochs, training.epochs);
    Ok(())
}
