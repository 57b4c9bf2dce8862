//! What is reported of each epoch.

use sae_model::{Figures, Terms, Unit};
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
    /// The 0, 5, 10, …, 100% quantiles of the units' ρ̂ of an autoencoder, with linear interpolation;
    /// none of a classifier, or where an older version wrote the line.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rho_hat_quantiles: Vec<f64>,
    /// ‖∇J‖ of all samples with the full batch, in minibatches of the epoch's last batch (see
    /// [`Epoch`]).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gradient_norm: Option<f64>,
    /// J on the validation samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_objective: Option<f64>,
    /// RMSE of an autoencoder on the validation samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_rmse: Option<f64>,
    /// Accuracy of a classifier on the validation samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_accuracy: Option<f64>,
    /// Learning rate η.
    pub learning_rate: f64,
    /// Steps whose gradient was shortened to `gradient_clip`.
    #[serde(skip_serializing_if = "is_none", default)]
    pub clipped: usize,
    /// How often the stage has gone back to the start of an epoch so far.
    #[serde(skip_serializing_if = "is_none", default)]
    pub retreats: usize,
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

fn is_none(count: &usize) -> bool {
    *count == 0
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
        let squared_error = figures.squared_error.unwrap_or(f64::NAN);
        let rmse = (squared_error / inputs as f64).sqrt();
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
    /// `details` makes those of a model from its figures.
    pub(crate) fn new(stage: String, epoch: &Epoch, details: &dyn Fn(&Figures) -> Details) -> Self {
        let (validation_rmse, validation_accuracy) = match epoch.validation.as_ref().map(details) {
            Some(Details::Autoencoder { rmse, .. }) => (Some(rmse), None),
            Some(Details::Classifier { accuracy }) => (None, Some(accuracy)),
            None => (None, None),
        };
        let rho_hat = epoch.figures.rho_hat.as_deref();
        Self {
            stage,
            epoch: epoch.epoch,
            objective: epoch.figures.objective(),
            terms: epoch.figures.terms.clone(),
            details: details(&epoch.figures),
            rho_hat_quantiles: rho_hat.map_or(vec![], quantiles),
            gradient_norm: epoch.gradient_norm,
            validation_objective: epoch.validation.as_ref().map(Figures::objective),
            validation_rmse,
            validation_accuracy,
            learning_rate: epoch.learning_rate,
            clipped: epoch.clipped,
            retreats: epoch.retreats,
            seconds: epoch.seconds,
            waited: epoch.waited,
            samples_per_second: epoch.samples_per_second,
        }
    }
}

/// Steps between the quantiles of ρ̂ that are reported.
const QUANTILE_STEPS: usize = 20;

/// The quantiles of `values` in even steps from the least to the largest, with linear interpolation
/// between neighbours (type 7 of Hyndman and Fan, NumPy's default); none of no values.
fn quantiles(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return vec![];
    };
    let quantile = |step: usize| {
        let place = step * last;
        let (below, above) = (place / QUANTILE_STEPS, place.div_ceil(QUANTILE_STEPS));
        let part = (place % QUANTILE_STEPS) as f64 / QUANTILE_STEPS as f64;
        sorted[below] + part * (sorted[above] - sorted[below])
    };
    (0..=QUANTILE_STEPS).map(quantile).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numpy.quantile([0.3, 0.01, 0.08, 0.05, 0.11], numpy.linspace(0, 1, 21))`, every fifth.
    #[test]
    fn quantiles_are_those_of_numpy() {
        let found = quantiles(&[0.3, 0.01, 0.08, 0.05, 0.11]);
        assert_eq!(found.len(), 21);
        let expected = [
            (0, 0.01),
            (1, 0.018),
            (5, 0.05),
            (7, 0.062),
            (19, 0.262),
            (20, 0.3),
        ];
        for (step, expected) in expected {
            assert!((found[step] - expected).abs() < 1e-15, "{step}: {found:?}");
        }
        assert_eq!(quantiles(&[0.2]), [0.2; 21]);
        assert!(quantiles(&[]).is_empty());
    }

    /// What versions before wrote has neither quantiles nor figures of validation samples.
    #[test]
    fn lines_of_older_runs_are_read() {
        let line = r#"{"stage":"autoencoder-1","epoch":1,"objective":1.5,"terms":{"reconstruction":1.5},
            "rmse":0.1,"mean_rho_hat":0.05,"dead_units":0,"saturated_units":0,"learning_rate":0.1,
            "seconds":0.5,"samples_per_second":10.0}"#;
        let metrics: EpochMetrics = serde_json::from_str(line).unwrap();
        assert!(metrics.rho_hat_quantiles.is_empty());
        assert_eq!(
            metrics.validation_rmse.or(metrics.validation_accuracy),
            None
        );
    }

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
