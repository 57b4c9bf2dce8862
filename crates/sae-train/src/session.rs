//! The training loop.

use std::time::Instant;

use sae_data::Inputs;
use sae_model::Terms;

use crate::advance::{Advance, Retreat};
use crate::diagnosis::Diagnosis;
use crate::feed::Feed;
use crate::rates::Rates;
use crate::search::LineSearch;
use crate::state::{Fitted, Progress, State, Task};
use crate::stop::Watch;
use crate::{BatchSize, Epoch, Executor, Stopped, TrainError, Training};

/// A training that can be taken step by step.
pub struct Session<'a> {
    pub(crate) task: Task<'a>,
    pub(crate) training: Training,
    pub(crate) executor: Box<dyn Executor + 'a>,
    pub(crate) search: Option<LineSearch>,
    rates: Rates,
    watch: Watch,
    pub(crate) epochs: usize,
    /// The epoch that is under way, its learning rate, and its samples.
    pub(crate) progress: Progress,
    pub(crate) learning_rate: f64,
    pub(crate) feed: Feed,
    /// The terms of J when they were last seen, finite; only messages need them.
    pub(crate) before: Option<Terms>,
    /// The estimate of ρ̂, where a group uses one.
    pub(crate) rho_hat: Option<Vec<f64>>,
    /// How often training went back, and to where it would go back now.
    retreats: usize,
    start: Option<Box<State>>,
    /// Steps of the epoch after which those that are pending began.
    pub(crate) pending_from: usize,
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
        mut executor: Box<dyn Executor + 'a>,
    ) -> Result<Self, TrainError> {
        training.check()?;
        if task.train.whole == 0 {
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
        for data in [Some(&task.train), task.validation.as_ref()]
            .into_iter()
            .flatten()
        {
            if let Inputs::Memory(samples) = &data.samples {
                executor.keep(samples)?;
            }
        }
        let mut session = Self {
            search: LineSearch::new(&training),
            rates: Rates::new(&training, 0)?,
            watch: Watch::default(),
            epochs: 0,
            progress: Progress::default(),
            learning_rate: training.learning_rate,
            feed: Feed::default(),
            before: None,
            rho_hat: None,
            retreats: 0,
            start: None,
            pending_from: 0,
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
    /// Stops when a term of J, a part of the gradient, the validation J or a parameter is no longer
    /// finite, unless training may retreat, or when `observe` fails.
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
    /// As [`Session::run`].
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

    /// One step, as [`Session::step`], and the end of the epoch where it was the epoch's last; or a
    /// retreat from a number that is not finite.
    ///
    /// # Errors
    ///
    /// As [`Session::run`].
    pub fn advance(&mut self) -> Result<Advance, TrainError> {
        match self.forward() {
            Err(error @ TrainError::NonFinite { .. }) => match self.retreat(&error)? {
                Some(retreat) => Ok(Advance::Retreat(retreat)),
                None => Err(error),
            },
            other => other,
        }
    }

    fn forward(&mut self) -> Result<Advance, TrainError> {
        match self.step()? {
            true => Ok(Advance::Epoch(Box::new(self.finish()?))),
            false => Ok(Advance::Step),
        }
    }

    /// Goes back to the start of the epoch with half the learning rate, where that is allowed.
    fn retreat(&mut self, cause: &TrainError) -> Result<Option<Retreat>, TrainError> {
        let retreats = self.retreats + 1;
        let Some(start) = self
            .start
            .take()
            .filter(|_| retreats <= self.training.retreats)
        else {
            return Ok(None);
        };
        let again = State { retreats, ..*start };
        self.restore(again)?;
        Ok(Some(Retreat {
            retreats,
            most: self.training.retreats,
            epoch: self.epochs + 1,
            learning_rate: self.learning_rate,
            cause: match cause {
                TrainError::NonFinite { what, value, .. } => format!("{what} is {value}"),
                other => other.to_string(),
            },
        }))
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
        let parameters = match &self.watch.best {
            Some(best) => best.parameters.clone(),
            None => self.parameters(),
        };
        self.diagnosis().parameters(&*self.executor, &parameters)?;
        Ok(Fitted {
            parameters,
            epochs: self.epochs,
            stopped: self.watch.stopped.unwrap_or(Stopped::Epochs),
            validation_objective: self.watch.best.as_ref().map(|best| best.validation),
        })
    }

    /// The rest of an epoch, or a whole one.
    ///
    /// # Errors
    ///
    /// As [`Session::run`].
    pub fn epoch(&mut self) -> Result<Epoch, TrainError> {
        loop {
            if let Advance::Epoch(epoch) = self.advance()? {
                return Ok(*epoch);
            }
        }
    }

    /// One step: a minibatch, all samples, or an iteration of a line search. True where it was the
    /// epoch's last; there is no other before [`Session::epoch`] has ended the epoch.
    ///
    /// # Errors
    ///
    /// Refuses samples that do not fit the model, and an update by what is not finite: the model is then
    /// as before.
    pub fn step(&mut self) -> Result<bool, TrainError> {
        if self.progress.over {
            return Ok(true);
        }
        if self.progress.steps == 0 && self.training.retreats > 0 {
            self.start = Some(Box::new(self.state()));
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

    /// Ends the epoch: its figures, validation, and what the stop rules make of them.
    fn finish(&mut self) -> Result<Epoch, TrainError> {
        let start = Instant::now();
        let pending = self.settle()?;
        self.check()?;
        self.agree()?;
        let waited = start.elapsed().as_secs_f64();
        // First of all, since it may fail, and the state is then to be that before the end of the epoch.
        let validation = self.validate()?;
        let figures = match self.progress.figures.take() {
            Some(figures) => figures,
            None if self.progress.mean.rows > 0 => self.progress.mean.take(),
            None => self.executor.take_mean(),
        };
        let seconds = self.progress.seconds + waited;
        self.after_steps(self.before.as_ref())
            .figures(&figures, "")?;
        let terms = figures.terms.clone();
        if let Some(validation) = &validation {
            let on = " on the validation samples";
            self.after_steps(Some(&terms)).figures(validation, on)?;
        }
        self.before = Some(terms);
        self.epochs += 1;
        let done = std::mem::take(&mut self.progress);
        let epoch = Epoch {
            epoch: self.epochs,
            figures,
            gradient_norm: done.gradient_norm,
            validation,
            moved: done.moved,
            learning_rate: self.learning_rate,
            clipped: done.clipped + pending.clipped,
            retreats: self.retreats,
            seconds,
            waited: self.feed.waited(),
            samples_per_second: self.task.train.whole as f64 / seconds,
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
        self.pending_from = 0;
        self.learning_rate = self.rates.next() / self.halvings();
    }

    /// Looks at the epoch after its last step.
    fn after_steps<'s>(&'s self, before: Option<&'s Terms>) -> Diagnosis<'s> {
        Diagnosis {
            step: None,
            before,
            ..self.diagnosis()
        }
    }

    /// What the learning rate is divided by: every retreat has halved it.
    fn halvings(&self) -> f64 {
        2.0_f64.powi(i32::try_from(self.retreats).unwrap_or(i32::MAX))
    }

    /// Refuses to go on where others of the group have come to another model.
    fn agree(&self) -> Result<(), TrainError> {
        if self.task.group.ranks() > 1 {
            let parameters = self.parameters();
            let mark = crc32fast::hash(bytemuck::cast_slice(&parameters));
            self.task.group.agree(mark)?;
        }
        Ok(())
    }

    /// Looks at the next step.
    pub(crate) fn diagnosis(&self) -> Diagnosis<'_> {
        Diagnosis {
            stage: &self.task.stage,
            epoch: self.epochs + 1,
            step: Some(self.progress.steps + 1),
            learning_rate: self.learning_rate,
            before: self.before.as_ref(),
        }
    }

    /// Why training has ended; nothing while it has not, or where only the epochs end it.
    pub fn stopped(&self) -> Option<Stopped> {
        self.watch.stopped
    }

    /// All that training remembers.
    pub fn state(&self) -> State {
        let mut progress = self.progress.clone();
        if self.executor.works_alone() {
            let pending = self.executor.settled().unwrap_or_default();
            progress.clipped += pending.clipped;
        }
        State {
            epochs: self.epochs,
            progress,
            executor: self.executor.state(),
            search: self.search.clone(),
            watch: self.watch.clone(),
            terms: self.before.clone(),
            retreats: self.retreats,
            rho_hat: self.rho_hat.clone(),
            start: match self.progress.steps {
                0 => None,
                _ => self.start.clone(),
            },
        }
    }

    /// Puts a state back, of a session with the same task, settings and kind of executor.
    ///
    /// # Errors
    ///
    /// Refuses the state of another.
    pub fn restore(&mut self, state: State) -> Result<(), TrainError> {
        let parameters = self.executor.parameters().len();
        let group = &self.task.group;
        let most = match self.training.batch {
            BatchSize::Rows(rows) => group.steps(self.task.train.whole, rows / group.shards()),
            BatchSize::Full => 1,
        };
        state.check(&self.training, most, parameters)?;
        self.executor.restore(&state.executor)?;
        (self.search, self.watch) = (state.search, state.watch);
        self.before = state.terms;
        (self.retreats, self.start) = (state.retreats, state.start);
        self.rho_hat = state.rho_hat;
        self.epochs = state.epochs;
        self.rates = Rates::new(&self.training, state.epochs)?;
        self.begin();
        self.progress = state.progress;
        self.pending_from = self.progress.steps;
        Ok(())
    }
}
