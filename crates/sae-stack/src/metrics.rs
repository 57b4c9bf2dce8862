//! What is reported of each epoch.

use sae_model::{Figures, Terms, Unit, term};
use sae_train::Epoch;
use serde::{Deserialize, Serialize};

/// One line of `metrics.jsonl`. All values are means over the epoch's batches (see
/// [`Epoch`]); objectives are in the mean convention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// The stage, for example `autoencoder-1`.
    pub stage: String,
    /// The epoch, from 1.
    pub epoch: usize,
    /// J, the sum of the terms.
    pub objective: f64,
    /// The named terms of J, in their order.
    pub terms: Terms,
    /// What else is known, by kind of model.
    #[serde(flatten)]
    pub details: Details,
    /// ‖∇J‖, with the full batch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gradient_norm: Option<f64>,
    /// J on the validation samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_objective: Option<f64>,
    /// Learning rate η.
    pub learning_rate: f64,
    /// Seconds of training.
    pub seconds: f64,
    /// Those of them for which samples that are not in memory were waited for.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub waited: f64,
    /// Training samples per second.
    pub samples_per_second: f64,
}

fn is_zero(seconds: &f64) -> bool {
    *seconds == 0.0
}

/// The part of the metrics that depends on the kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Details {
    /// Of an autoencoder.
    Autoencoder {
        /// Root of the mean squared error over samples and inputs.
        rmse: f64,
        /// Mean of ρ̂ over the hidden units.
        mean_rho_hat: f64,
        /// Units that hardly take part: of bounded units those with ρ̂ below a tenth of ρ, of ReLU
        /// those that no sample activates.
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
    /// Details of an autoencoder with sparsity target `rho` and units `unit` from its RMSE and its
    /// units' ρ̂.
    pub fn autoencoder(rmse: f64, rho_hat: &[f64], rho: f64, unit: Unit) -> Self {
        let count = |test: &dyn Fn(f64) -> bool| rho_hat.iter().filter(|&&r| test(r)).count();
        let (dead, saturated) = match (unit.is_bounded(), unit) {
            (true, _) => (count(&|r| r < DEAD_SHARE * rho), count(&|r| r > SATURATED)),
            (false, Unit::Relu) => (count(&|r| r == 0.0), 0),
            (false, _) => (0, 0),
        };
        Self::Autoencoder {
            rmse,
            mean_rho_hat: rho_hat.iter().sum::<f64>() / rho_hat.len() as f64,
            dead_units: dead,
            saturated_units: saturated,
        }
    }

    pub(crate) fn of_autoencoder(figures: &Figures, inputs: usize, rho: f64, unit: Unit) -> Self {
        // The reconstruction term is half the squared error per sample: see `SparseObjective`.
        let reconstruction = figures.terms.get(term::RECONSTRUCTION).unwrap_or(f64::NAN);
        let rmse = (2.0 * reconstruction / inputs as f64).sqrt();
        let rho_hat = figures.rho_hat.as_deref().unwrap_or(&[]);
        Self::autoencoder(rmse, rho_hat, rho, unit)
    }

    pub(crate) fn of_classifier(figures: &Figures) -> Self {
        Self::Classifier {
            accuracy: figures.accuracy.unwrap_or(f64::NAN),
        }
    }
}

impl EpochMetrics {
    pub(crate) fn new(stage: String, epoch: &Epoch, details: Details) -> Self {
        Self {
            stage,
            epoch: epoch.epoch,
            objective: epoch.figures.objective(),
            terms: epoch.figures.terms.clone(),
            details,
            gradient_norm: epoch.gradient_norm,
            validation_objective: epoch.validation,
            learning_rate: epoch.learning_rate,
            seconds: epoch.seconds,
            waited: epoch.waited,
            samples_per_second: epoch.samples_per_second,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_counted_by_their_mean_activation() {
        let counts = |rho_hat: &[f64], unit| match Details::autoencoder(0.5, rho_hat, 0.1, unit) {
            Details::Autoencoder {
                dead_units,
                saturated_units,
                ..
            } => (dead_units, saturated_units),
            Details::Classifier { .. } => (usize::MAX, usize::MAX),
        };
        let rho_hat = [0.001, 0.0099, 0.1, 0.95, 0.9];
        assert_eq!(counts(&rho_hat, Unit::Sigmoid), (2, 1));
        assert_eq!(counts(&rho_hat, Unit::Linear), (0, 0));
        assert_eq!(counts(&[0.0, 0.001, 7.0], Unit::Relu), (1, 0));
    }
}
