//! From samples to codes, and what a trained autoencoder does on all of its data.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor};
use sae_data::Samples;
use sae_model::SparseAutoencoder;
use sae_train::{Selected, Stopped, Table};
use serde::{Deserialize, Serialize};

use crate::metrics::Details;

/// Rows that are processed at once where no gradient is needed.
pub(crate) const CHUNK: usize = 1000;

/// What one trained autoencoder does, exactly, over all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerReport {
    /// Number of the autoencoder, from 1.
    pub layer: usize,
    /// Number of inputs.
    pub inputs: usize,
    /// Number of hidden units.
    pub hidden: usize,
    /// Epochs that were run.
    pub epochs: usize,
    /// Why training ended.
    pub stopped: Stopped,
    /// RMSE, mean ρ̂, dead and saturated units on the training samples.
    pub train: Details,
    /// The same on the test samples.
    pub test: Details,
}

/// The codes of all samples, with the RMSE of their reconstruction and each unit's mean
/// activation.
pub(crate) struct Encoded {
    pub codes: Samples,
    pub rmse: f64,
    pub rho_hat: Vec<f64>,
}

/// The codes of all samples, in their order: rows of `hidden` values.
///
/// # Panics
///
/// Panics if the samples are not as wide as the autoencoder's input.
pub fn encode_samples(
    autoencoder: &SparseAutoencoder,
    samples: &Samples,
    device: &Device,
) -> Samples {
    encode(autoencoder, samples, device).codes
}

pub(crate) fn encode(
    autoencoder: &SparseAutoencoder,
    samples: &Samples,
    device: &Device,
) -> Encoded {
    let autoencoder = autoencoder.valid();
    let hidden = autoencoder.encoder.outputs();
    let rows = samples.rows();
    let mut values: Vec<f32> = Vec::with_capacity(rows * hidden);
    let mut squares = 0.0;
    let mut rho_hat = vec![0.0; hidden];
    for x in chunks(samples, device) {
        let code = autoencoder.encode(x.clone());
        let error = autoencoder.decode(code.clone()) - x;
        let per_sample = error.square().sum_dim(1).into_data();
        squares += per_sample.iter::<f64>().sum::<f64>();
        values.extend(code.into_data().iter::<f32>());
    }
    for row in values.chunks(hidden) {
        for (mean, &y) in rho_hat.iter_mut().zip(row) {
            *mean += f64::from(y) / rows as f64;
        }
    }
    let unit = autoencoder.encoder.activation.unit;
    let rho_hat = rho_hat
        .into_iter()
        .map(|mean| unit.mean_activity(mean))
        .collect();
    let count = (rows * samples.width()) as f64;
    Encoded {
        codes: Samples::Floats {
            width: hidden,
            values,
        },
        rmse: (squares / count).sqrt(),
        rho_hat,
    }
}

/// All samples on a device, [`CHUNK`] of them at a time.
pub(crate) fn chunks(samples: &Samples, device: &Device) -> impl Iterator<Item = Tensor<2>> {
    let rows = samples.rows();
    (0..rows).step_by(CHUNK).map(move |first| {
        let selected = Selected::Range(first, rows.min(first + CHUNK));
        Table { samples, selected }.tensor(device, DType::F32)
    })
}
