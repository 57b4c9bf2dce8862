//! The training loop.

use std::time::Instant;

use sae_model::{Figures, Terms, term};

use crate::executor::norm;
use crate::feed::{Feed, Place};
use crate::rates::Rates;
use crate::search::LineSearch;
use crate::state::{Fitted, Progress, State, Task};
use crate::stop::Watch;
use crate::whole::{mean_activity, whole_gradient};
use crate::{BatchSize, Epoch, Executor, RhoHat, Stopped, TrainError, Training};

/// A training that can be taken step by step.
pub struct Session<'a> {
    task: Task<'a>,
    training: Training,
    executor: Box<dyn Executor + 'a>,
    search: Option<LineSearch>,
    rates: Rates,
    watch: Watch,
    epochs: usize,
    /// The epoch that is under way, its learning rate, and its samples.
    progress: Progress,
    learning_rate: f64,
    feed: Feed,
    /// The learning rate of the epoch before; only messages need it.
    rate_before: f64,
    /// The terms of J when they were last seen, finite; only messages need them.
    before: Option<Terms>,
}

impl<'a> Session<'a> {
    /// A session before its first epoch, with the model that is in `executor`.
    ///
    /// # Errors
    ///
    /// Refuses settings outside their ranges, and a task without samples.
    pub fn new(
        task: Task<'a>,
        training: Training,
        executor: Box<dyn Executor + 'a>,
    ) -> Result<Self, TrainError> {
        training.check()?;
        if task.train.rows() == 0 {
            return Err(TrainError::NoSamples { stage: task.stage });
        }
        if training.validation_patience > 0 && task.validation.is_none() {
            return Err(TrainError::Setting(sae_kernels::Setting::new(
                "validation_patience",
                format!(
                    "{} without validation samples",
                    training.validation_patience
                ),
                "0, or a share of validation samples > 0",
            )));
        }
        let mut session = Self {
            search: LineSearch::new(&training),
            rates: Rates::new(&training, 0)?,
            watch: Watch::default(),
            epochs: 0,
            progress: Progress::default(),
            learning_rate: training.learning_rate,
            feed: Feed::default(),
            rate_before: training.learning_rate,
            before: None,
            task,
            training,
            executor,
        };
        session.begin();
        Ok(session)
    }

    /// Trains until a rule or the last epoch ends it; `observe` sees every epoch as it ends.
    ///
    /// # Errors
    ///
    /// Stops when a term of J, the validation J or a parameter is no longer finite, or when
    /// `observe` fails.
    pub fn run(
        &mut self,
        mut observe: impl FnMut(&Epoch) -> Result<(), TrainError>,
    ) -> Result<Fitted, TrainError> {
        while let Some(epoch) = self.next_epoch()? {
            observe(&epoch)?;
        }
        self.fitted()
    }

    /// The next epoch; nothing once a rule or the last epoch has ended training.
    ///
    /// # Errors
    ///
    /// Stops when a term of J or the validation J is no longer finite.
    pub fn next_epoch(&mut self) -> Result<Option<Epoch>, TrainError> {
        match self.is_over() {
            true => Ok(None),
            false => self.epoch().map(Some),
        }
    }

    /// Whether a rule or the last epoch has ended training.
    pub fn is_over(&self) -> bool {
        self.watch.stopped.is_some() || self.epochs >= self.training.epochs
    }

    /// One step, as [`Session::step`], and the end of the epoch where it was the epoch's last.
    ///
    /// # Errors
    ///
    /// As [`Session::run`].
    pub fn advance(&mut self) -> Result<Option<Epoch>, TrainError> {
        match self.step()? {
            true => self.finish().map(Some),
            false => Ok(None),
        }
    }

    /// Epochs that have ended.
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// The parameters as they are now; flat.
    pub fn parameters(&self) -> Vec<f32> {
        self.executor.parameters()
    }

    /// What training has led to so far.
    ///
    /// # Errors
    ///
    /// Refuses a parameter that is not finite.
    pub fn fitted(&self) -> Result<Fitted, TrainError> {
        let rate = self.rate_before;
        let parameters = match &self.watch.best {
            Some(best) => best.parameters.clone(),
            None => self.parameters(),
        };
        if let Some(&value) = parameters.iter().find(|value| !value.is_finite()) {
            let what = "a weight after the last update";
            // A rate so large needs no term to do that.
            let term = if rate > 100.0 {
                term::RECONSTRUCTION
            } else {
                self.heaviest()
            };
            return Err(self.non_finite(what, term, f64::from(value), rate));
        }
        Ok(Fitted {
            parameters,
            epochs: self.epochs,
            stopped: self.watch.stopped.unwrap_or(Stopped::Epochs),
        })
    }

    /// The rest of an epoch, or a whole one.
    ///
    /// # Errors
    ///
    /// As [`Session::run`].
    pub fn epoch(&mut self) -> Result<Epoch, TrainError> {
        while !self.progress.over {
            self.step()?;
        }
        self.finish()
    }

    /// One step: a minibatch, all samples, or an iteration of a line search. True where it was the
    /// epoch's last; there is no other before [`Session::epoch`] has ended the epoch.
    ///
    /// # Errors
    ///
    /// Refuses samples that do not fit the model.
    pub fn step(&mut self) -> Result<bool, TrainError> {
        if self.progress.over {
            return Ok(true);
        }
        let start = Instant::now();
        let over = match (self.training.batch, self.search.is_some()) {
            (_, true) => self.search_line(),
            (BatchSize::Full, false) => self.full_step(),
            (BatchSize::Rows(rows), false) => self.minibatch(rows),
        }?;
        self.progress.over = over;
        self.progress.steps += 1;
        self.progress.seconds += start.elapsed().as_secs_f64();
        Ok(over)
    }

    fn search_line(&mut self) -> Result<bool, TrainError> {
        let Some(mut search) = self.search.take() else {
            return Err(TrainError::LineSearchUpdate);
        };
        let (executor, train) = (&mut *self.executor, &self.task.train);
        let start = match search.point() {
            Some(_) => vec![],
            None => executor.parameters(),
        };
        // A line search compares values of one objective: what is random stays as it was drawn.
        let mut evaluate = |parameters: &[f32]| {
            executor.set_parameters(parameters)?;
            whole_gradient(executor, train, 0)
        };
        let moved = search.iterate(|| start, self.learning_rate, &mut evaluate)?;
        if let Some(point) = search.point() {
            let single: Vec<f32> = point.parameters.iter().map(|&p| p as f32).collect();
            self.executor.set_parameters(&single)?;
            self.progress.gradient_norm = Some(norm(&point.gradient));
            self.progress.figures = Some(point.figures.clone());
        }
        self.progress.moved = moved;
        self.search = Some(search);
        Ok(true)
    }

    fn full_step(&mut self) -> Result<bool, TrainError> {
        let gradient = whole_gradient(&mut *self.executor, &self.task.train, self.epochs)?;
        self.executor.update(&gradient.values, self.learning_rate)?;
        self.progress.gradient_norm = Some(gradient.norm());
        self.progress.figures = Some(gradient.figures);
        Ok(true)
    }

    fn minibatch(&mut self, size: usize) -> Result<bool, TrainError> {
        if self.progress.steps == 0 {
            self.refresh_rho_hat()?;
        }
        let place = Place {
            epoch: self.epochs as u64,
            step: self.progress.steps,
            batch: size,
        };
        let held = self.feed.batch(&self.task, place)?;
        let (executor, rate) = (&mut self.executor, self.learning_rate);
        let before = &mut self.before;
        let step = |batch: &crate::Batch<'_>| {
            if place.step == 0 && before.is_none() {
                *before = Some(executor.figures(batch)?.terms);
            }
            executor.step(batch, rate)
        };
        self.task.train.with_batch(held, self.epochs, step)?;
        let done = (place.step + 1).saturating_mul(size);
        let over = done >= self.task.train.rows();
        if over {
            self.progress.gradient_norm = Some(self.executor.gradient_norm());
        }
        Ok(over)
    }

    /// Passes over all samples where the estimate of ρ̂ needs it.
    fn refresh_rho_hat(&mut self) -> Result<(), TrainError> {
        let wanted = match self.training.rho_hat {
            RhoHat::Batch => false,
            RhoHat::Running => self.epochs == 0,
            RhoHat::Full => true,
        };
        if !wanted || self.executor.hidden() == 0 {
            return Ok(());
        }
        let rho_hat = mean_activity(&mut *self.executor, &self.task.train, self.epochs)?;
        self.executor.set_rho_hat(&rho_hat)
    }

    /// Ends the epoch: its figures, validation, and what the stop rules make of them.
    fn finish(&mut self) -> Result<Epoch, TrainError> {
        let start = Instant::now();
        let done = std::mem::take(&mut self.progress);
        let figures = match done.figures {
            Some(figures) => figures,
            None => self.executor.take_mean(),
        };
        let seconds = done.seconds + start.elapsed().as_secs_f64();
        let rate = self.learning_rate;
        self.epochs += 1;
        if let Some((term, value)) = self.not_finite(&figures) {
            return Err(self.non_finite(term, term, value, rate));
        }
        self.before = Some(figures.terms.clone());
        let validation = self.validate()?;
        if let Some((term, value)) = validation.as_ref().and_then(|v| self.not_finite(v)) {
            let what = format!("{term} on the validation samples");
            return Err(self.non_finite(&what, term, value, rate));
        }
        let epoch = Epoch {
            epoch: self.epochs,
            figures,
            gradient_norm: done.gradient_norm,
            validation,
            moved: done.moved,
            learning_rate: rate,
            seconds,
            waited: self.feed.waited(),
            samples_per_second: self.task.train.rows() as f64 / seconds,
        };
        let executor = &self.executor;
        self.watch
            .observe(&self.training, &epoch, || executor.parameters());
        self.begin();
        Ok(epoch)
    }

    /// Prepares the next epoch.
    fn begin(&mut self) {
        self.progress = Progress::default();
        self.rate_before = self.learning_rate;
        self.learning_rate = self.rates.next();
    }

    /// J over all validation samples: in the minibatches' size, comparable with theirs, or exactly.
    fn validate(&mut self) -> Result<Option<Figures>, TrainError> {
        let Some(data) = &self.task.validation else {
            return Ok(None);
        };
        let executor = &mut *self.executor;
        let BatchSize::Rows(size) = self.training.batch else {
            let gradient = whole_gradient(executor, data, 0)?;
            return Ok(Some(gradient.figures));
        };
        let mut mean = Figures::default();
        data.for_batches(size, 0, |batch| {
            let share = batch.rows() as f64 / data.rows() as f64;
            mean.add(&executor.figures(batch)?, share);
            Ok(())
        })?;
        Ok(Some(mean))
    }

    /// A term that is not finite. Where several are, what weighed most before is to blame.
    fn not_finite<'f>(&self, figures: &'f Figures) -> Option<(&'f str, f64)> {
        let weight = |name: &str| {
            let before = self.before.as_ref().and_then(|terms| terms.get(name));
            before.unwrap_or(0.0).abs()
        };
        let terms = figures.terms.iter().filter(|(_, value)| !value.is_finite());
        terms.reduce(|a, b| if weight(b.0) > weight(a.0) { b } else { a })
    }

    /// The term of J that weighed most when it was last seen.
    fn heaviest(&self) -> &str {
        let terms = self.before.iter().flat_map(Terms::iter);
        let heaviest = terms.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        heaviest.map_or(term::RECONSTRUCTION, |(name, _)| name)
    }

    fn non_finite(&self, what: &str, term: &str, value: f64, learning_rate: f64) -> TrainError {
        TrainError::NonFinite {
            stage: self.task.stage.clone(),
            epoch: self.epochs,
            what: what.to_owned(),
            term: term.to_owned(),
            value,
            learning_rate,
        }
    }

    /// Why training has ended; nothing while it has not, or where only the epochs end it.
    pub fn stopped(&self) -> Option<Stopped> {
        self.watch.stopped
    }

    /// All that training remembers.
    pub fn state(&self) -> State {
        State {
            epochs: self.epochs,
            progress: self.progress.clone(),
            executor: self.executor.state(),
            search: self.search.clone(),
            watch: self.watch.clone(),
            terms: self.before.clone(),
        }
    }

    /// Puts a state back, of a session with the same task, settings and kind of executor.
    ///
    /// # Errors
    ///
    /// Refuses the state of another.
    pub fn restore(&mut self, state: State) -> Result<(), TrainError> {
        let parameters = self.executor.parameters().len();
        state.check(&self.training, self.task.train.rows(), parameters)?;
        self.executor.restore(&state.executor)?;
        (self.search, self.watch) = (state.search, state.watch);
        self.before = state.terms;
        self.epochs = state.epochs;
        self.rates = Rates::new(&self.training, state.epochs)?;
        self.begin();
        self.progress = state.progress;
        Ok(())
    }
}
