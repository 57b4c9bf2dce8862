//! The training loop.

use std::fmt;
use std::time::Instant;

use rand_core::Rng;
use sae_model::{HostValue, Objective};

use crate::full_batch::{CHUNK, full_value};
use crate::settings::refuse;
use crate::stepper::{Stepper, WeightedMean};
use crate::{BatchSize, Convergence, Source, StopRules, TrainError, Training};

/// What one pass over the data did.
///
/// In minibatches values are means over the epoch's batches, weighted by their rows, each taken
/// before the step that it caused. With the full batch they are exact: for the weights at the
/// epoch's start, with a line search for those at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Epoch {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// J, the sum of the terms.
    pub objective: f64,
    /// The named terms of J.
    pub terms: Vec<(&'static str, f64)>,
    /// The objective's statistic: ρ̂ of each hidden unit, or the accuracy.
    pub statistic: Vec<f64>,
    /// ‖∇J‖, with the full batch.
    pub gradient_norm: Option<f64>,
    /// J on the validation samples after the epoch.
    pub validation: Option<f64>,
    /// Learning rate η.
    pub learning_rate: f64,
    /// Training time of the epoch in seconds, without validation.
    pub seconds: f64,
    /// Training samples per second.
    pub samples_per_second: f64,
}

/// Why training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// A trained model.
#[derive(Debug, Clone)]
pub struct Fitted<M> {
    /// The model after the last epoch, or of the epoch with the lowest validation J where
    /// [`StopRules::validation_patience`] is set.
    pub model: M,
    /// The last epoch.
    pub last: Epoch,
    /// Why training ended.
    pub stopped: Stopped,
}

/// The samples of a training.
#[derive(Debug, Clone)]
pub struct Samples<S> {
    /// Trained on.
    pub train: S,
    /// Watched.
    pub validation: Option<S>,
}

/// Minimises `objective` from `model` on; `on_epoch` sees every epoch as it ends.
///
/// `stage` names the model in errors. The order of the samples is drawn from `order`; the same
/// arguments on the same CPU backend give the same bits.
///
/// # Errors
///
/// Refuses wrong settings and an empty source; stops when a term of J is no longer finite, or when
/// `on_epoch` fails.
pub fn fit<O: Objective, S: Source<Batch = O::Batch>>(
    stage: &str,
    objective: &O,
    model: O::Model,
    samples: Samples<S>,
    settings: &Training,
    order: &mut impl Rng,
    mut on_epoch: impl FnMut(&Epoch) -> Result<(), TrainError>,
) -> Result<Fitted<O::Model>, TrainError> {
    settings.check()?;
    let Samples {
        mut train,
        validation,
    } = samples;
    if train.rows() == 0 {
        return Err(TrainError::NoSamples {
            stage: stage.to_owned(),
        });
    }
    let mut stepper = Stepper::new(objective, settings, &model, &train);
    let mut rates = settings
        .schedule
        .init(settings.learning_rate, settings.epochs)?;
    let mut referee = Referee::new(settings.stop, validation.is_some())?;
    let mut model = model;
    for number in 1.. {
        let start = Instant::now();
        let learning_rate = rates.next();
        // A line search compares values of one objective: what is random stays as it was drawn.
        if !settings.optimiser.searches_lines() {
            train.set_epoch(number - 1);
        }
        let passed = stepper.pass(model, &train, learning_rate, order)?;
        model = passed.model;
        let terms = checked_terms(stage, number, objective, &passed.value, learning_rate)?;
        let seconds = start.elapsed().as_secs_f64();

        let last = Epoch {
            epoch: number,
            objective: terms.iter().map(|(_, term)| term).sum(),
            terms,
            statistic: passed.value.statistic,
            gradient_norm: passed.gradient_norm,
            validation: validation
                .as_ref()
                .map(|source| evaluate(objective, &model, source, settings.batch))
                .transpose()?,
            learning_rate,
            seconds,
            samples_per_second: train.rows() as f64 / seconds,
        };
        on_epoch(&last)?;
        let verdict = referee.verdict(&last, &model, passed.moved);
        let stopped = match verdict {
            Some(stopped) => stopped,
            None if number == settings.epochs => Stopped::Epochs,
            None => continue,
        };
        return Ok(Fitted {
            model: referee.best().unwrap_or(model),
            last,
            stopped,
        });
    }
    unreachable!("the loop above ends at the last epoch")
}

/// J over all samples of `source`: in the minibatches' size, comparable with theirs, or exactly.
fn evaluate<O: Objective, S: Source<Batch = O::Batch>>(
    objective: &O,
    model: &O::Model,
    source: &S,
    size: BatchSize,
) -> Result<f64, TrainError> {
    use burn::module::Module;
    let BatchSize::Rows(size) = size else {
        return Ok(full_value(objective, model, source, CHUNK)?.host_total());
    };
    let model = model.valid();
    let all: Vec<usize> = (0..source.rows()).collect();
    let mut mean = WeightedMean::default();
    for rows in all.chunks(size) {
        mean.add(objective.value(&model, &source.batch(rows)?), rows.len());
    }
    Ok(mean.into_value().host_total())
}

fn checked_terms<O: Objective>(
    stage: &str,
    epoch: usize,
    objective: &O,
    value: &HostValue,
    learning_rate: f64,
) -> Result<Vec<(&'static str, f64)>, TrainError> {
    let names = objective.terms().iter().copied();
    let terms: Vec<_> = names.zip(value.terms.iter().copied()).collect();
    match terms.iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(terms),
        Some(&(term, value)) => Err(TrainError::NonFinite {
            stage: stage.to_owned(),
            epoch,
            term,
            value,
            learning_rate,
        }),
    }
}

/// Decides when training ends, and keeps the best model where validation decides.
struct Referee<M> {
    rules: StopRules,
    standstill: Standstill,
    best: Option<(f64, M)>,
    epochs_since_best: usize,
}

impl<M: Clone> Referee<M> {
    fn new(rules: StopRules, validated: bool) -> Result<Self, TrainError> {
        if rules.validation_patience == Some(0)
            || (rules.validation_patience.is_some() && !validated)
        {
            refuse(
                "validation_patience",
                "set without validation samples or to 0",
                "at least 1, with a share of validation samples > 0",
            )?;
        }
        Ok(Self {
            rules,
            standstill: Standstill::new(rules.convergence),
            best: None,
            epochs_since_best: 0,
        })
    }

    fn verdict(&mut self, epoch: &Epoch, model: &M, moved: bool) -> Option<Stopped> {
        let out_of_patience = self.out_of_patience(epoch, model);
        let still = self.standstill.reached(epoch.objective);
        let small = self.rules.gradient_norm.zip(epoch.gradient_norm);
        if !moved {
            Some(Stopped::NoProgress)
        } else if small.is_some_and(|(tolerance, norm)| norm <= tolerance) {
            Some(Stopped::GradientNorm)
        } else if still {
            Some(Stopped::Converged)
        } else if out_of_patience {
            Some(Stopped::Validation)
        } else {
            None
        }
    }

    fn out_of_patience(&mut self, epoch: &Epoch, model: &M) -> bool {
        let Some((patience, validation)) = self.rules.validation_patience.zip(epoch.validation)
        else {
            return false;
        };
        if self
            .best
            .as_ref()
            .is_none_or(|(best, _)| validation < *best)
        {
            self.best = Some((validation, model.clone()));
            self.epochs_since_best = 0;
        } else {
            self.epochs_since_best += 1;
        }
        self.epochs_since_best >= patience
    }

    /// The model with the lowest validation J, where that rule is set.
    fn best(self) -> Option<M> {
        self.best.map(|(_, model)| model)
    }
}

/// Counts epochs in which J stood still.
struct Standstill {
    rule: Option<Convergence>,
    previous: Option<f64>,
    count: usize,
}

impl Standstill {
    fn new(rule: Option<Convergence>) -> Self {
        Self {
            rule,
            previous: None,
            count: 0,
        }
    }

    fn reached(&mut self, objective: f64) -> bool {
        let Some(rule) = self.rule else { return false };
        let still = self.previous.is_some_and(|previous| {
            (objective - previous).abs() <= rule.tolerance * previous.abs()
        });
        self.previous = Some(objective);
        self.count = if still { self.count + 1 } else { 0 };
        self.count >= rule.epochs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convergence_wants_epochs_in_a_row() {
        let mut standstill = Standstill::new(Some(Convergence {
            tolerance: 0.01,
            epochs: 2,
        }));
        let reached: Vec<bool> = [10.0, 10.05, 9.0, 9.0, 9.05, 9.04]
            .map(|j| standstill.reached(j))
            .to_vec();
        assert_eq!(reached, [false, false, false, false, true, true]);
        assert!(!Standstill::new(None).reached(1.0));
    }

    #[test]
    fn validation_keeps_the_best_model() {
        let rules = StopRules {
            validation_patience: Some(2),
            ..StopRules::default()
        };
        let mut referee = Referee::new(rules, true).expect("there are validation samples");
        let mut verdicts = Vec::new();
        for (model, validation) in [5.0, 3.0, 4.0, 3.5].into_iter().enumerate() {
            let epoch = Epoch {
                epoch: model + 1,
                objective: 1.0,
                terms: vec![],
                statistic: vec![],
                gradient_norm: None,
                validation: Some(validation),
                learning_rate: 0.1,
                seconds: 1.0,
                samples_per_second: 1.0,
            };
            verdicts.push(referee.verdict(&epoch, &model, true));
        }
        assert_eq!(verdicts, [None, None, None, Some(Stopped::Validation)]);
        assert_eq!(referee.best(), Some(1));
        assert!(Referee::<()>::new(rules, false).is_err());
    }
}
