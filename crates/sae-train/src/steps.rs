//! The three kinds of steps: an iteration of a line search, all samples at once, and a minibatch.

use crate::executor::Step;
use crate::feed::Place;
use crate::search::LineSearch;
use crate::session::Session;
use crate::sharded::{Sharded, Share, Work};
use crate::whole::{in_one_piece, mean_activity, whole_gradient};
use crate::{Batch, Gradient, RhoHat, Task, TrainError, Training};

impl Session<'_> {
    pub(crate) fn search_line(&mut self) -> Result<bool, TrainError> {
        let Some(search) = &mut self.search else {
            return Err(TrainError::LineSearchUpdate);
        };
        let (executor, train) = (&mut *self.executor, &self.task.train);
        let group = &self.task.group;
        let start = match search.point() {
            Some(_) => vec![],
            None => executor.parameters(),
        };
        // A line search compares values of one objective: what is random stays as it was drawn.
        let mut evaluate = |parameters: &[f32]| {
            // An iteration may look at all samples dozens of times.
            if group.stops() {
                return Err(TrainError::Interrupted);
            }
            executor.set_parameters(parameters)?;
            whole_gradient(executor, train, group, 0)
        };
        let moved = search.iterate(|| start, self.learning_rate, &mut evaluate);
        if let Some(point) = self.search.as_ref().and_then(LineSearch::point) {
            // The last one that was tried need not be the best.
            let single: Vec<f32> = point.parameters.iter().map(|&p| p as f32).collect();
            self.executor.set_parameters(&single)?;
            let gradient = Gradient {
                figures: point.figures.clone(),
                values: point.gradient.clone(),
            };
            let diagnosis = self.diagnosis();
            diagnosis.update(&*self.executor, &single, &gradient)?;
            self.progress.gradient_norm = Some(gradient.norm());
            self.progress.figures = Some(gradient.figures);
        }
        self.progress.moved = moved?;
        Ok(true)
    }

    pub(crate) fn full_step(&mut self) -> Result<bool, TrainError> {
        if self.training.rho_hat == RhoHat::Batch && self.executor.works_alone() {
            let Task { train, group, .. } = &self.task;
            if let Some(whole) = in_one_piece(&*self.executor, train, group) {
                let (executor, rate) = (&mut self.executor, self.learning_rate);
                let step = |batch: &Batch<'_>| executor.step(batch, rate);
                let step = train.with_batch(group, whole, self.epochs, step)?;
                self.count(step)?;
                self.progress.gradient_norm = Some(self.executor.last_norm());
                return Ok(true);
            }
        }
        let Task { train, group, .. } = &self.task;
        let gradient = whole_gradient(&mut *self.executor, train, group, self.epochs)?;
        let parameters = self.executor.parameters();
        self.diagnosis()
            .update(&*self.executor, &parameters, &gradient)?;
        let step = self.executor.update(&gradient.values, self.learning_rate)?;
        self.count(step)?;
        self.progress.gradient_norm = Some(gradient.norm());
        self.progress.figures = Some(gradient.figures);
        Ok(true)
    }

    pub(crate) fn minibatch(&mut self, size: usize) -> Result<bool, TrainError> {
        if self.progress.steps == 0 {
            self.refresh_rho_hat()?;
        }
        let place = Place {
            epoch: self.epochs as u64,
            step: self.progress.steps,
            batch: size / self.task.group.shards(),
        };
        let (group, whole) = (&self.task.group, self.task.train.whole);
        let over = place.step + 1 >= group.steps(whole, place.batch);
        match group.shards() {
            1 => self.step_alone(place, over)?,
            _ => self.step_together(place, over)?,
        }
        Ok(over)
    }

    /// A minibatch in one piece, by the executor's fused step.
    fn step_alone(&mut self, place: Place, over: bool) -> Result<(), TrainError> {
        let held = self.feed.batch(&self.task, 0, place)?;
        let (executor, rate) = (&mut self.executor, self.learning_rate);
        let before = &mut self.before;
        let step = |batch: &Batch<'_>| {
            if place.step == 0 && before.is_none() {
                *before = Some(executor.figures(batch)?.terms);
            }
            let step = executor.step(batch, rate)?;
            let refused = match step {
                Step::Refused => Some(refused(&mut **executor, batch)?),
                Step::Taken | Step::Clipped | Step::Pending => None,
            };
            Ok::<_, TrainError>((step, refused))
        };
        let Task { train, group, .. } = &self.task;
        let (step, refused) = train.with_batch(group, held, self.epochs, step)?;
        if let Some(gradient) = refused {
            let parameters = self.executor.parameters();
            self.diagnosis()
                .update(&*self.executor, &parameters, &gradient)?;
        }
        self.count(step)?;
        if over {
            self.progress.gradient_norm = Some(self.executor.last_norm());
        }
        Ok(())
    }

    /// A minibatch to which every shard gives its part.
    fn step_together(&mut self, place: Place, over: bool) -> Result<(), TrainError> {
        let Task { train, group, .. } = &self.task;
        let rows = group.rows_of_step(train.whole, place.batch, place.step);
        let (task, feed, epoch) = (&self.task, &mut self.feed, self.epochs);
        let mut batches = |shard: usize, work: &mut Work<'_>| {
            let held = feed.batch(task, shard, place)?;
            match held.table.selected.count() {
                0 => Ok(()),
                _ => train.with_batch(group, held, epoch, work),
            }
        };
        let executor = &mut *self.executor;
        let mut sharded = Sharded { executor, group };
        let own = sharded.activity(rows, &mut batches)?;
        let activity = used(&self.training, self.rho_hat.as_deref(), own);
        let sum = sharded.gradient(rows, activity, &mut batches, train)?;
        self.move_by(&sum)?;
        if over {
            self.progress.gradient_norm = Some(sum.to_gradient().norm());
        }
        self.progress.mean.add(&sum.figures, rows);
        if self.rho_hat.is_some() {
            self.rho_hat = sum.figures.rho_hat;
        }
        Ok(())
    }

    /// Moves the parameters, unless something is not finite.
    fn move_by(&mut self, sum: &Share) -> Result<(), TrainError> {
        let step = match sum.figures.objective().is_finite() {
            true => {
                let terms = || sum.figures.terms.clone();
                self.before.get_or_insert_with(terms);
                let rate = self.learning_rate;
                self.executor.update_single(&sum.values, rate)?
            }
            false => Step::Refused,
        };
        if step == Step::Refused {
            let (parameters, gradient) = (self.executor.parameters(), sum.to_gradient());
            self.diagnosis()
                .update(&*self.executor, &parameters, &gradient)?;
        }
        self.count(step)
    }

    /// Takes notice of what became of a step.
    fn count(&mut self, step: Step) -> Result<(), TrainError> {
        match step {
            Step::Taken | Step::Pending => Ok(()),
            Step::Clipped => {
                self.progress.clipped += 1;
                Ok(())
            }
            Step::Refused => Err(self.diagnosis().refused()),
        }
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
        let Task { train, group, .. } = &self.task;
        let rho_hat = mean_activity(&mut *self.executor, train, group, self.epochs)?;
        match group.shards() {
            1 => self.executor.set_rho_hat(&rho_hat)?,
            _ => self.rho_hat = Some(rho_hat),
        }
        Ok(())
    }
}

/// What an executor has just refused to step by.
fn refused(executor: &mut dyn crate::Executor, batch: &Batch<'_>) -> Result<Gradient, TrainError> {
    Ok(Gradient {
        // Figures are computed in the memory of the gradient.
        values: executor.last_gradient(),
        figures: executor.figures(batch)?,
    })
}

/// The ρ̂ that a minibatch uses whose mean activities are `own`, with the estimate from before.
fn used(training: &Training, estimate: Option<&[f64]>, own: Vec<f64>) -> Vec<f64> {
    match (training.rho_hat, estimate) {
        (RhoHat::Batch, _) | (_, None) => own,
        (RhoHat::Full, Some(estimate)) => estimate.to_vec(),
        (RhoHat::Running, Some(estimate)) => {
            let decay = training.rho_hat_decay;
            let mixed = own.iter().zip(estimate);
            mixed
                .map(|(own, before)| decay * before + (1.0 - decay) * own)
                .collect()
        }
    }
}
