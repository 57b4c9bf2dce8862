//! What became of steps, where the device works on its own.

use crate::diagnosis::Diagnosis;
use crate::executor::Settled;
use crate::feed::Place;
use crate::session::Session;
use crate::whole::whole_gradient;
use crate::{BatchSize, Task, TrainError};

impl Session<'_> {
    /// What became of the steps that are pending.
    pub(crate) fn settle(&mut self) -> Result<Settled, TrainError> {
        if !self.executor.works_alone() {
            return Ok(Settled::default());
        }
        let settled = self.executor.settled()?;
        if let Some(step) = settled.refused {
            self.progress.clipped += settled.clipped;
            self.met_refused(step)?;
        }
        Ok(settled)
    }

    /// Says what is wrong with a step of those that were pending, which was refused: it is made once more, since
    /// nothing has changed after it.
    fn met_refused(&mut self, step: usize) -> Result<(), TrainError> {
        (self.progress.steps, self.progress.over) = (self.pending_from + step, false);
        let Task { train, group, .. } = &self.task;
        let executor = &mut *self.executor;
        let gradient = match self.training.batch {
            BatchSize::Full => whole_gradient(executor, train, group, self.epochs)?,
            BatchSize::Rows(batch) => {
                let place = Place {
                    epoch: self.epochs as u64,
                    step: self.progress.steps,
                    batch,
                };
                let held = self.feed.batch(&self.task, 0, place)?;
                train.with_batch(group, held, self.epochs, |batch| executor.gradient(batch))?
            }
        };
        // Whoever knows better may go on from there.
        let state = self.executor.state();
        self.executor.restore(&state)?;
        self.pending_from = self.progress.steps;
        self.diagnosis()
            .update(&*self.executor, &state.parameters, &gradient)?;
        Err(self.diagnosis().refused())
    }

    /// Refuses parameters that are not finite, as an update may leave.
    ///
    /// # Errors
    ///
    /// Names the tensor.
    pub fn check(&self) -> Result<(), TrainError> {
        let diagnosis = Diagnosis {
            step: (self.progress.steps > 0).then_some(self.progress.steps),
            ..self.diagnosis()
        };
        let settled = self.executor.settled()?;
        match (settled.refused, settled.finite) {
            (Some(_), _) => Err(diagnosis.refused()),
            (None, true) => Ok(()),
            (None, false) => diagnosis.parameters(&*self.executor, &self.parameters()),
        }
    }
}
