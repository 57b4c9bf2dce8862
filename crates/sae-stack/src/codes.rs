//! From samples to codes, and what a trained autoencoder does on all of its data.

use sae_data::{DataError, Inputs, Samples, Stored};
use sae_model::SparseAutoencoder;
use sae_train::{Compute, Stopped, TrainError};
use serde::{Deserialize, Serialize};

use crate::forward::{Forward, Processors};
use crate::metrics::Details;

/// Rows that are processed at once where no gradient is needed.
const CHUNK: usize = 1024;

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
    /// J on the validation samples of what was kept, where that has chosen an epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_objective: Option<f64>,
    /// RMSE, mean ρ̂, dead and saturated units on the training samples.
    pub train: Details,
    /// The same on the test samples.
    pub test: Details,
}

/// What an autoencoder does over all samples: the RMSE of their reconstruction and each unit's mean
/// activation.
pub(crate) struct Measured {
    pub rmse: f64,
    pub rho_hat: Vec<f64>,
}

/// A trained autoencoder on all samples, of which there are `whole` with those that others have.
pub(crate) fn measure(
    autoencoder: &SparseAutoencoder,
    samples: &Inputs<'_>,
    whole: usize,
    compute: &Compute,
) -> Result<Measured, TrainError> {
    let encoder = encoder_of(autoencoder, compute)?;
    pass(autoencoder, &encoder, samples, whole, compute, None)
}

/// As [`measure`], with the codes. Those of samples that are in memory are kept there; those of others, too,
/// where they take little of the memory limit, and otherwise are made when they are read.
pub(crate) fn encode(
    autoencoder: &SparseAutoencoder,
    samples: &Inputs<'_>,
    whole: usize,
    compute: &Compute,
) -> Result<(Inputs<'static>, Measured), TrainError> {
    let encoder = encoder_of(autoencoder, compute)?;
    let width = autoencoder.hidden();
    let mut kept = keeps_codes(samples, whole, width).then(Vec::new);
    let measured = pass(
        autoencoder,
        &encoder,
        samples,
        whole,
        compute,
        kept.as_mut(),
    )?;
    let codes = match (kept, samples) {
        (None, Inputs::Stored(stored)) => encoded_when_read(stored, encoder),
        (kept, _) => Inputs::from(Samples::Floats {
            width,
            values: kept.unwrap_or_default(),
        }),
    };
    Ok((codes, measured))
}

fn encoder_of(autoencoder: &SparseAutoencoder, compute: &Compute) -> Result<Forward, TrainError> {
    let models = std::slice::from_ref(autoencoder);
    Forward::encoders(models, Processors::from(compute))
}

/// All samples through encoder and decoder; the codes go where they are kept.
fn pass(
    autoencoder: &SparseAutoencoder,
    encoder: &Forward,
    samples: &Inputs<'_>,
    whole: usize,
    compute: &Compute,
    mut kept: Option<&mut Vec<f32>>,
) -> Result<Measured, TrainError> {
    let group = &compute.group;
    let models = std::slice::from_ref(autoencoder);
    let decoder = Forward::decoders(models, Processors::from(compute))?;
    let hidden = autoencoder.hidden();
    let mut sums = group.sum(hidden + 1, |shard, sums| {
        let rows = group.own_rows_of(shard, whole);
        samples.for_parts_of(rows, CHUNK, |_, samples, part| {
            let code = encoder.rows(samples, part.clone())?;
            let part: Vec<usize> = part.collect();
            let output = decoder.all(&code)?;
            let (squares, rho_hat) = sums.split_at_mut(1);
            squares[0] += squared_error(&samples.gather(&part), &output);
            if let Samples::Floats { values, .. } = code {
                for row in values.chunks(hidden) {
                    for (mean, &y) in rho_hat.iter_mut().zip(row) {
                        *mean += f64::from(y) / whole as f64;
                    }
                }
                if let Some(kept) = &mut kept {
                    kept.extend(values);
                }
            }
            Ok::<(), TrainError>(())
        })
    })?;
    let rho_hat = sums.split_off(1);
    let squares = sums[0];
    let unit = autoencoder.encoder.activation.unit;
    Ok(Measured {
        rmse: (squares / (whole * samples.width()) as f64).sqrt(),
        rho_hat: rho_hat
            .into_iter()
            .map(|mean| unit.mean_activity(mean))
            .collect(),
    })
}

/// Whether codes of `hidden` values of all samples, wherever they are, are kept in memory: of that depends in
/// which order they come.
fn keeps_codes(samples: &Inputs<'_>, whole: usize, hidden: usize) -> bool {
    const SHARE: usize = 4;
    match samples {
        Inputs::Memory(_) => true,
        Inputs::Stored(stored) => {
            let bytes = whole as u128 * (hidden * size_of::<f32>()) as u128;
            bytes <= (stored.limit / SHARE) as u128
        }
    }
}

/// Σ (x − z)² over two tables of one size.
fn squared_error(x: &[f32], z: &Samples) -> f64 {
    let z = z.gather(&(0..z.rows()).collect::<Vec<_>>());
    let rows = x.chunks(1024).zip(z.chunks(1024));
    rows.map(|(x, z)| {
        let squares = x.iter().zip(z).map(|(x, z)| f64::from(x - z).powi(2));
        squares.sum::<f64>()
    })
    .sum()
}

fn encoded_when_read(stored: &Stored, encoder: Forward) -> Inputs<'static> {
    let width = encoder.outputs();
    let encode = move |samples: &Samples| {
        encoder.all(samples).map_err(|error| DataError::Unsuitable {
            found: error.to_string(),
            expected: "rows that the encoder below can read".to_owned(),
        })
    };
    Inputs::Stored(stored.mapped(width, encode))
}
