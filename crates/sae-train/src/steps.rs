//! The three kinds of steps: an iteration of a line search, all samples at once, and a minibatch.

use crate::executor::{Step, norm};
use crate::feed::Place;
use crate::search::LineSearch;
use crate::session::Session;
use crate::whole::{mean_activity, whole_gradient};
use crate::{Batch, Gradient, RhoHat, TrainError};

impl Session<'_> {
    pub(crate) fn search_line(&mut self) -> Result<bool, TrainError> {
        let Some(search) = &mut self.search else {
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
        let gradient = whole_gradient(&mut *self.executor, &self.task.train, self.epochs)?;
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
            batch: size,
        };
        let held = self.feed.batch(&self.task, place)?;
        let (executor, rate) = (&mut self.executor, self.learning_rate);
        let before = &mut self.before;
        let step = |batch: &Batch<'_>| {
            if place.step == 0 && before.is_none() {
                *before = Some(executor.figures(batch)?.terms);
            }
            let step = executor.step(batch, rate)?;
            let refused = match step {
                Step::Refused => Some(refused(&mut **executor, batch)?),
                Step::Taken | Step::Clipped => None,
            };
            Ok::<_, TrainError>((step, refused))
        };
        let (step, refused) = self.task.train.with_batch(held, self.epochs, step)?;
        if let Some(gradient) = refused {
            let parameters = self.executor.parameters();
            self.diagnosis()
                .update(&*self.executor, &parameters, &gradient)?;
        }
        self.count(step)?;
        let done = (place.step + 1).saturating_mul(size);
        let over = done >= self.task.train.rows();
        if over {
            self.progress.gradient_norm = Some(norm(&self.executor.last_gradient()));
        }
        Ok(over)
    }

    /// Takes notice of what became of a step.
    fn count(&mut self, step: Step) -> Result<(), TrainError> {
        match step {
            Step::Taken => Ok(()),
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
        let rho_hat = mean_activity(&mut *self.executor, &self.task.train, self.epochs)?;
        self.executor.set_rho_hat(&rho_hat)
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
