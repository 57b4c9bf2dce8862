//! When training ends.

use std::fmt;

use sae_model::Figures;
use serde::{Deserialize, Serialize};

use crate::{Epoch, Training};

/// Why training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// All epochs were run.
    Epochs,
    /// J stood still.
    Converged,
    /// The gradient was small enough.
    GradientNorm,
    /// J on the validation samples no longer fell.
    Validation,
    /// The line search found no better point: J is as low as rounding allows.
    NoProgress,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Epochs => "all epochs run",
            Self::Converged => "J stood still",
            Self::GradientNorm => "gradient small enough",
            Self::Validation => "validation J no longer fell",
            Self::NoProgress => "no better point found",
        })
    }
}

/// What the stop rules have seen, and the best model so far where validation decides.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Watch {
    /// J of the last epoch.
    pub objective: Option<f64>,
    /// Epochs in a row in which J stood still.
    pub still: usize,
    /// The epoch with the lowest validation J.
    pub best: Option<Best>,
    /// Epochs since then.
    pub since_best: usize,
    /// The rule that has ended training.
    pub stopped: Option<Stopped>,
}

/// The best model so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// J on the validation samples.
    pub validation: f64,
    /// The parameters, flat.
    pub parameters: Vec<f32>,
}

impl Watch {
    /// Takes notice of an epoch that has ended, and of what the rules make of it; `parameters` are
    /// those after it.
    pub(crate) fn observe(
        &mut self,
        training: &Training,
        epoch: &Epoch,
        parameters: impl FnOnce() -> Vec<f32>,
    ) {
        let objective = epoch.figures.objective();
        let still = self
            .objective
            .is_some_and(|before| (objective - before).abs() <= training.tolerance * before.abs());
        self.still = if still { self.still + 1 } else { 0 };
        self.objective = Some(objective);
        if let Some(validation) = epoch.validation.as_ref().map(Figures::objective)
            && training.validation_patience > 0
        {
            self.since_best += 1;
            if self
                .best
                .as_ref()
                .is_none_or(|best| validation < best.validation)
            {
                self.since_best = 0;
                self.best = Some(Best {
                    validation,
                    parameters: parameters(),
                });
            }
        }
        self.stopped = self.verdict(training, epoch);
    }

    /// Whether the rules end training after the epoch that was observed last.
    fn verdict(&self, training: &Training, epoch: &Epoch) -> Option<Stopped> {
        let small = |norm: f64| norm <= training.gradient_tolerance;
        let patience = training.validation_patience;
        if !epoch.moved {
            Some(Stopped::NoProgress)
        } else if training.gradient_tolerance > 0.0 && epoch.gradient_norm.is_some_and(small) {
            Some(Stopped::GradientNorm)
        } else if training.tolerance > 0.0 && self.still >= training.patience {
            Some(Stopped::Converged)
        } else if patience > 0 && self.since_best >= patience {
            Some(Stopped::Validation)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(objective: f64, validation: Option<f64>) -> Epoch {
        let figures = |objective| Figures {
            terms: [("j", objective)].into_iter().collect(),
            ..Figures::default()
        };
        Epoch {
            epoch: 1,
            figures: figures(objective),
            gradient_norm: None,
            validation: validation.map(figures),
            moved: true,
            learning_rate: 0.1,
            clipped: 0,
            retreats: 0,
            waited: 0.0,
            seconds: 1.0,
            samples_per_second: 1.0,
        }
    }

    #[test]
    fn convergence_wants_epochs_in_a_row() {
        let training = Training {
            tolerance: 0.01,
            patience: 2,
            ..Training::default()
        };
        let mut watch = Watch::default();
        let ended = [10.0, 10.05, 9.0, 9.0, 9.05, 9.04].map(|objective| {
            let epoch = epoch(objective, None);
            watch.observe(&training, &epoch, Vec::new);
            watch.stopped == Some(Stopped::Converged)
        });
        assert_eq!(ended, [false, false, false, false, true, true]);
    }

    #[test]
    fn validation_keeps_the_best_model() {
        let training = Training {
            validation_patience: 2,
            ..Training::default()
        };
        let mut watch = Watch::default();
        let mut verdicts = Vec::new();
        for (model, validation) in [5.0, 3.0, 4.0, 3.5].into_iter().enumerate() {
            let epoch = epoch(1.0, Some(validation));
            watch.observe(&training, &epoch, || vec![model as f32]);
            verdicts.push(watch.stopped);
        }
        assert_eq!(verdicts, [None, None, None, Some(Stopped::Validation)]);
        assert_eq!(watch.best.map(|best| best.parameters), Some(vec![1.0]));
    }
}
