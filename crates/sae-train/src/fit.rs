//! The training loop.

use std::time::Instant;

use burn::tensor::Tensor;
use rand_core::Rng;
use sae_data::shuffled;
use sae_model::{Objective, Value};

use crate::{BatchSize, Convergence, Source, TrainError, Training};

/// What one pass over the data did.
///
/// Values are means over the epoch's batches, weighted by their rows, each taken before the step
/// that it caused. With the full batch they are exact for the weights at the epoch's start.
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
    /// J on the validation samples after the epoch, in batches of the same size.
    pub validation: Option<f64>,
    /// Training time of the epoch in seconds, without validation.
    pub seconds: f64,
    /// Training samples per second.
    pub samples_per_second: f64,
}

/// A trained model.
#[derive(Debug, Clone)]
pub struct Fitted<M> {
    /// The model after the last epoch.
    pub model: M,
    /// The last epoch.
    pub last: Epoch,
    /// Whether training stopped because J stood still.
    pub converged: bool,
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
#[expect(
    clippy::too_many_arguments,
    reason = "each is one of the loop's inputs"
)]
pub fn fit<O: Objective, S: Source<Batch = O::Batch>>(
    stage: &str,
    objective: &O,
    model: O::Model,
    train: &S,
    validation: Option<&S>,
    settings: &Training,
    order: &mut impl Rng,
    mut on_epoch: impl FnMut(&Epoch) -> Result<(), TrainError>,
) -> Result<Fitted<O::Model>, TrainError> {
    settings.check()?;
    if train.rows() == 0 {
        return Err(TrainError::NoSamples {
            stage: stage.to_owned(),
        });
    }
    let learning_rate = settings.optimiser.learning_rate();
    let mut optimiser = settings.optimiser.init();
    let mut model = model;
    let mut standstill = Standstill::new(settings.convergence);
    let mut epoch = 0;
    loop {
        epoch += 1;
        let start = Instant::now();
        let mut mean = WeightedMean::default();
        for rows in batches(train.rows(), settings.batch, order) {
            let batch = train.batch(&rows)?;
            let gradient = settings.rule.gradient(objective, &model, &batch);
            mean.add(gradient.value, rows.len());
            model = optimiser.step(learning_rate, model, gradient.gradients);
        }
        let value = mean.into_value();
        let terms = checked_terms(stage, epoch, objective, &value, learning_rate)?;
        let seconds = start.elapsed().as_secs_f64();

        let last = Epoch {
            epoch,
            objective: terms.iter().map(|(_, term)| term).sum(),
            terms,
            statistic: value.host_statistic(),
            validation: validation
                .map(|source| evaluate(objective, &model, source, settings.batch))
                .transpose()?,
            seconds,
            samples_per_second: train.rows() as f64 / seconds,
        };
        on_epoch(&last)?;
        let converged = standstill.reached(last.objective);
        if converged || epoch == settings.epochs {
            return Ok(Fitted {
                model,
                last,
                converged,
            });
        }
    }
}

/// The rows of each batch of one epoch.
fn batches(rows: usize, size: BatchSize, order: &mut impl Rng) -> Vec<Vec<usize>> {
    match size {
        BatchSize::Full => vec![(0..rows).collect()],
        BatchSize::Rows(size) => in_chunks(&shuffled(order, rows), size),
    }
}

fn in_chunks(rows: &[usize], size: usize) -> Vec<Vec<usize>> {
    rows.chunks(size).map(<[usize]>::to_vec).collect()
}

/// J over all samples of `source`, in batches of `size` in their own order.
fn evaluate<O: Objective, S: Source<Batch = O::Batch>>(
    objective: &O,
    model: &O::Model,
    source: &S,
    size: BatchSize,
) -> Result<f64, TrainError> {
    use burn::module::Module;
    let model = model.valid();
    let all: Vec<usize> = (0..source.rows()).collect();
    let size = match size {
        BatchSize::Full => all.len(),
        BatchSize::Rows(size) => size,
    };
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
    value: &Value,
    learning_rate: f64,
) -> Result<Vec<(&'static str, f64)>, TrainError> {
    let names = objective.terms().iter().copied();
    let terms: Vec<_> = names.zip(value.host_terms()).collect();
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

/// A mean over batches that stays on the device: reading it once an epoch is the only time that
/// training waits for a GPU.
#[derive(Default)]
struct WeightedMean {
    sums: Option<(Tensor<1>, Tensor<1>)>,
    rows: usize,
}

impl WeightedMean {
    fn add(&mut self, value: Value, rows: usize) {
        let weight = rows as f64;
        let terms = value.terms.mul_scalar(weight);
        let statistic = value.statistic.mul_scalar(weight);
        self.rows += rows;
        self.sums = Some(match self.sums.take() {
            None => (terms, statistic),
            Some((t, s)) => (t + terms, s + statistic),
        });
    }

    /// # Panics
    ///
    /// Panics if nothing was added; callers have at least one row.
    fn into_value(self) -> Value {
        let (terms, statistic) = self.sums.expect("at least one batch");
        let weight = 1.0 / self.rows as f64;
        Value {
            terms: terms.mul_scalar(weight),
            statistic: statistic.mul_scalar(weight),
        }
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
    fn batches_cover_every_row_once() {
        use sae_data::{Stream, stream};
        let mut rng = stream(1, Stream::HeadOrder);
        let batches = batches(10, BatchSize::Rows(4), &mut rng);
        let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(sizes, [4, 4, 2]);
        let mut all = batches.concat();
        all.sort_unstable();
        assert_eq!(all, (0..10).collect::<Vec<_>>());
    }
}
