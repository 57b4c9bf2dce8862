//! An epoch's steps, whatever the optimiser and whoever computes.

use std::cell::RefCell;

use burn::optim::ModuleOptimizer;
use rand_core::Rng;
use sae_data::shuffled;
use sae_kernels::Rows;
use sae_model::{Fused, FusedBatch, GradientRule, HostValue, Objective, Value};

use crate::full_batch::{CHUNK, full_gradient, plus, scaled};
use crate::lbfgs::norm;
use crate::line_search::LineSearch;
use crate::optimiser::Engine;
use crate::rho_hat::Estimator;
use crate::whole::Whole;
use crate::{BatchSize, RhoHat, Source, TrainError, Training};

/// What one epoch led to.
pub(crate) struct Passed<M> {
    pub model: M,
    pub value: HostValue,
    pub gradient_norm: Option<f64>,
    /// False where no better point was found.
    pub moved: bool,
}

/// Takes an epoch's steps.
pub(crate) struct Stepper<'a, O> {
    objective: &'a O,
    settings: &'a Training,
    kind: Kind,
}

#[expect(clippy::large_enum_variant, reason = "there is one per call of fit()")]
enum Kind {
    Minibatch(ModuleOptimizer, Estimator, usize),
    Full(ModuleOptimizer),
    /// Minibatches or the full batch, with the optimiser, inside the kernels.
    Fused(Fused, sae_kernels::Optimiser),
    LineSearch(LineSearch, Option<Fused>),
}

impl<'a, O: Objective> Stepper<'a, O> {
    pub(crate) fn new<S: Source<Batch = O::Batch>>(
        objective: &'a O,
        settings: &'a Training,
        model: &O::Model,
        train: &S,
    ) -> Self {
        let full = settings.batch == BatchSize::Full;
        let fused = || {
            let host = train.host()?;
            let threads = settings.fused?;
            let covered = settings.rule == GradientRule::Delta
                && settings.rho_hat == RhoHat::Batch
                && !(full && host.corruptor.is_some());
            covered.then(|| objective.fused(model, threads)).flatten()
        };
        let kind = match (settings.optimiser.init(), settings.optimiser.fused()) {
            (Engine::LineSearch(search), _) => Kind::LineSearch(search, fused()),
            (Engine::FirstOrder(optimiser), inside) => match inside.zip(fused()) {
                Some((inside, fused)) => Kind::Fused(fused, inside),
                None => match settings.batch {
                    BatchSize::Full => Kind::Full(optimiser),
                    BatchSize::Rows(rows) => {
                        Kind::Minibatch(optimiser, Estimator::new(settings.rho_hat), rows)
                    }
                },
            },
        };
        Self {
            objective,
            settings,
            kind,
        }
    }

    pub(crate) fn pass<S: Source<Batch = O::Batch>>(
        &mut self,
        mut model: O::Model,
        train: &S,
        learning_rate: f64,
        order: &mut impl Rng,
    ) -> Result<Passed<O::Model>, TrainError> {
        let (objective, rule) = (self.objective, self.settings.rule);
        match &mut self.kind {
            Kind::LineSearch(search, fused) => {
                let whole = Whole {
                    objective,
                    rule,
                    source: train,
                    fused: RefCell::new(fused.as_mut()),
                };
                let iteration = search.step(&whole, model, learning_rate)?;
                Ok(Passed {
                    model: iteration.model,
                    value: iteration.value,
                    gradient_norm: Some(iteration.gradient_norm),
                    moved: iteration.moved,
                })
            }
            Kind::Full(optimiser) => {
                let gradient = full_gradient(objective, rule, &model, train, CHUNK)?;
                let gradient_norm = norm(&model, &gradient.gradients);
                Ok(Passed {
                    model: optimiser.step(learning_rate, model, gradient.gradients),
                    value: gradient.value.to_host(),
                    gradient_norm: Some(gradient_norm),
                    moved: true,
                })
            }
            Kind::Minibatch(optimiser, estimator, size) => {
                estimator.start_epoch(objective, &model, train)?;
                let mut mean = WeightedMean::default();
                for rows in shuffled(order, train.rows()).chunks(*size) {
                    let batch = estimator.adjust(objective, &model, train.batch(rows)?);
                    let gradient = rule.gradient(objective, &model, &batch);
                    mean.add(gradient.value, rows.len());
                    model = optimiser.step(learning_rate, model, gradient.gradients);
                }
                Ok(Passed {
                    model,
                    value: mean.into_value().to_host(),
                    gradient_norm: None,
                    moved: true,
                })
            }
            Kind::Fused(fused, optimiser) => {
                let update = (*optimiser, learning_rate as f32);
                let (value, gradient_norm) = match self.settings.batch {
                    BatchSize::Full => {
                        let value = whole_step(fused, update, train);
                        (value, Some(fused.gradient_norm()))
                    }
                    BatchSize::Rows(size) => {
                        let order = shuffled(order, train.rows());
                        (fused_steps(fused, update, train, &order, size), None)
                    }
                };
                Ok(Passed {
                    model: fused.write(model)?,
                    value,
                    gradient_norm,
                    moved: true,
                })
            }
        }
    }
}

type Update = (sae_kernels::Optimiser, f32);

/// One step on all samples.
fn whole_step<S: Source>(fused: &mut Fused, update: Update, train: &S) -> HostValue {
    let host = train
        .host()
        .expect("the source had samples in memory before");
    let batch = FusedBatch {
        inputs: host.rows(None),
        targets: None,
        labels: host.labels,
    };
    fused.step(batch, Some(update)).clone()
}

/// An epoch of minibatches inside the kernels. Samples go straight from where they lie into the
/// kernels' blocks, but for corrupted ones, which are made batch by batch.
fn fused_steps<S: Source>(
    fused: &mut Fused,
    update: Update,
    train: &S,
    order: &[usize],
    size: usize,
) -> HostValue {
    let host = train
        .host()
        .expect("the source had samples in memory before");
    let mut labels = Vec::with_capacity(size);
    let mut corrupted;
    let mut mean = HostValue::default();
    for rows in order.chunks(size) {
        labels.clear();
        if !host.labels.is_empty() {
            labels.extend(rows.iter().map(|&row| host.labels[row]));
        }
        let clean = host.rows(Some(rows));
        let mut batch = FusedBatch {
            inputs: clean,
            targets: None,
            labels: &labels,
        };
        if let Some(corruptor) = host.corruptor {
            corrupted = host.samples.gather(rows);
            corruptor.apply(rows, &mut corrupted);
            batch.inputs = Rows::of(&corrupted, clean.columns);
            batch.targets = Some(clean);
        }
        let weight = rows.len() as f64 / order.len() as f64;
        mean.add(fused.step(batch, Some(update)), weight);
    }
    mean
}

/// A mean over batches that stays on the device: reading it once an epoch is the only time that
/// training waits for a GPU.
#[derive(Default)]
pub(crate) struct WeightedMean {
    sum: Option<Value>,
    rows: usize,
}

impl WeightedMean {
    pub(crate) fn add(&mut self, value: Value, rows: usize) {
        let value = scaled(value, rows as f64);
        self.rows += rows;
        self.sum = Some(match self.sum.take() {
            None => value,
            Some(sum) => plus(sum, value),
        });
    }

    /// # Panics
    ///
    /// Panics if nothing was added; callers have at least one row.
    pub(crate) fn into_value(self) -> Value {
        let sum = self.sum.expect("at least one batch");
        scaled(sum, 1.0 / self.rows as f64)
    }
}
