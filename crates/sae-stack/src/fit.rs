//! The training of one stage, from its beginning or from where it was left.

use sae_model::{Figures, with_flat};
use sae_train::{
    Advance, Fitted, FromHost, Session, Task, TrainError, Trainable, Training, executor,
};

use crate::metrics::{Details, EpochMetrics};
use crate::pipeline::Run;
use crate::reached::{FinishedStage, Moment, Reached, RunningStage};
use crate::stage::Stage;
use crate::weights::weights_of;

impl Run<'_> {
    /// Trains a model, or takes what its stage had led to or come to before.
    pub(crate) fn fit<O: Trainable>(
        &mut self,
        stage: Stage,
        objective: &O,
        model: O::Model,
        task: Task<'_>,
        training: &Training,
        details: &dyn Fn(&Figures) -> Details,
    ) -> Result<(O::Model, Fitted), TrainError>
    where
        O::Batch: FromHost,
        O::Model: 'static,
    {
        if let Some(fitted) = self.reached.fitted(stage) {
            let fitted = fitted.clone();
            self.observer.restored(stage);
            return Ok((with_flat(model, &fitted.parameters)?, fitted));
        }
        let executor = executor(objective, model.clone(), training, self.compute)?;
        let mut session = Session::new(task, *training, executor)?;
        if let Some(state) = self.reached.take_state(stage) {
            session.restore(state)?;
        }
        self.observer.started(stage, training, session.epochs());
        while !session.is_over() {
            let ended = session.advance();
            if let Err(TrainError::Data(_) | TrainError::Group(_) | TrainError::Interrupted) = ended
            {
                self.tell(stage, Moment::Failure, &session)?;
            }
            let epoch = match ended? {
                Advance::Step => {
                    self.tell(stage, Moment::Step, &session)?;
                    continue;
                }
                Advance::Retreat(retreat) => {
                    self.observer.retreated(stage, &retreat)?;
                    continue;
                }
                Advance::Epoch(epoch) => epoch,
            };
            let metrics = EpochMetrics::new(stage.to_string(), &epoch, details);
            self.observer.epoch(stage, &metrics)?;
            let weights = || {
                Ok(weights_of(&with_flat(
                    model.clone(),
                    &session.parameters(),
                )?))
            };
            self.observer.in_training(stage, &weights)?;
            self.tell(stage, Moment::Epoch, &session)?;
        }
        self.tell(stage, Moment::StageEnd, &session)?;
        let fitted = session.fitted()?;
        self.reached.finished.push(FinishedStage {
            stage,
            fitted: fitted.clone(),
        });
        Ok((with_flat(model, &fitted.parameters)?, fitted))
    }

    /// Tells the observer that the pipeline can be left here. Parameters that are not finite are not kept, and
    /// between steps that is all: the next step, or the end of the epoch, goes back from them or says what is
    /// wrong, whether or not a checkpoint was due.
    fn tell(
        &mut self,
        stage: Stage,
        moment: Moment,
        session: &Session<'_>,
    ) -> Result<(), TrainError> {
        let before = &self.reached;
        let reached = || {
            session.check()?;
            Ok(Reached {
                finished: before.finished.clone(),
                running: Some(RunningStage {
                    stage,
                    state: session.state(),
                }),
            })
        };
        match self.observer.reached(stage, moment, &reached) {
            Err(TrainError::NonFinite { .. })
                if matches!(moment, Moment::Step | Moment::Failure) =>
            {
                Ok(())
            }
            told => told,
        }
    }
}
