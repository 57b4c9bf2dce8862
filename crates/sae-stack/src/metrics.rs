//! What is reported of each epoch.

use sae_train::Epoch;
use serde::{Serialize, Serializer};

/// One line of `metrics.jsonl`. All values are means over the epoch's batches (see
/// [`Epoch`]); objectives are in the mean convention.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochMetrics {
    /// The stage, for example `autoencoder-1`.
    pub stage: String,
    /// The epoch, from 1.
    pub epoch: usize,
    /// J, the sum of the terms.
    pub objective: f64,
    /// The named terms of J, in their order.
    #[serde(serialize_with = "as_map")]
    pub terms: Vec<(&'static str, f64)>,
    /// What else is known, by kind of model.
    #[serde(flatten)]
    pub details: Details,
    /// ‖∇J‖, with the full batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_norm: Option<f64>,
    /// J on the validation samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_objective: Option<f64>,
    /// Learning rate η.
    pub learning_rate: f64,
    /// Seconds of training.
    pub seconds: f64,
    /// Training samples per second.
    pub samples_per_second: f64,
}

fn as_map<S: Serializer>(terms: &[(&'static str, f64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(terms.iter().copied())
}

/// The part of the metrics that depends on the kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Details {
    /// Of an autoencoder.
    Autoencoder {
        /// Root of the mean squared error over samples and inputs.
        rmse: f64,
        /// Mean of ρ̂ over the hidden units.
        mean_rho_hat: f64,
        /// Units with ρ̂ below a tenth of ρ.
        dead_units: usize,
        /// Units with ρ̂ above 0.9, of bounded units.
        saturated_units: usize,
    },
    /// Of a classifier.
    Classifier {
        /// Share of samples whose most probable class is theirs.
        accuracy: f64,
    },
}

/// ρ̂ below this share of ρ makes a unit dead.
const DEAD_SHARE: f64 = 0.1;
/// ρ̂ above this makes a unit saturated.
const SATURATED: f64 = 0.9;

impl Details {
    /// Details of an autoencoder with sparsity target `rho` from its RMSE and its units' ρ̂.
    pub fn autoencoder(rmse: f64, rho_hat: &[f64], rho: f64) -> Self {
        let count = |test: &dyn Fn(f64) -> bool| rho_hat.iter().filter(|&&r| test(r)).count();
        Self::Autoencoder {
            rmse,
            mean_rho_hat: rho_hat.iter().sum::<f64>() / rho_hat.len() as f64,
            dead_units: count(&|r| r < DEAD_SHARE * rho),
            saturated_units: count(&|r| r > SATURATED),
        }
    }

    pub(crate) fn of_autoencoder_epoch(epoch: &Epoch, inputs: usize, rho: f64) -> Self {
        // The reconstruction term is half the squared error per sample: see `SparseObjective`.
        let reconstruction = epoch.terms[0].1;
        let rmse = (2.0 * reconstruction / inputs as f64).sqrt();
        Self::autoencoder(rmse, &epoch.statistic, rho)
    }

    pub(crate) fn of_classifier_epoch(epoch: &Epoch) -> Self {
        Self::Classifier {
            accuracy: epoch.statistic[0],
        }
    }
}

impl EpochMetrics {
    pub(crate) fn new(stage: String, epoch: &Epoch, details: Details) -> Self {
        Self {
            stage,
            epoch: epoch.epoch,
            objective: epoch.objective,
            terms: epoch.terms.clone(),
            details,
            gradient_norm: epoch.gradient_norm,
            validation_objective: epoch.validation,
            learning_rate: epoch.learning_rate,
            seconds: epoch.seconds,
            samples_per_second: epoch.samples_per_second,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_counted_by_their_mean_activation() {
        let details = Details::autoencoder(0.5, &[0.001, 0.0099, 0.1, 0.95, 0.9], 0.1);
        let Details::Autoencoder {
            mean_rho_hat,
            dead_units,
            saturated_units,
            ..
        } = details
        else {
            panic!("{details:?}");
        };
        assert_eq!((dead_units, saturated_units), (2, 1));
        assert!((mean_rho_hat - 0.392_18).abs() < 1e-12);
    }
}
