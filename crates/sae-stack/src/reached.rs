//! How far a pipeline has come: a value from which it can go on.

use sae_train::{Fitted, State, TrainError, VectorMut};
use serde::{Deserialize, Serialize};

use crate::Stage;

/// All that a pipeline needs to go on as if it had never stopped: everything else follows from the settings
/// and the samples.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reached {
    /// The stages that are over, in their order.
    pub finished: Vec<FinishedStage>,
    /// The one that is under way; nothing before the first step.
    pub running: Option<RunningStage>,
}

/// A stage that is over, and what it led to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinishedStage {
    /// Which one.
    pub stage: Stage,
    /// What its training led to.
    pub fitted: Fitted,
}

/// A stage that is under way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningStage {
    /// Which one.
    pub stage: Stage,
    /// All that its training remembers.
    pub state: State,
}

impl Reached {
    /// What a stage led to, where it is over.
    pub(crate) fn fitted(&self, stage: Stage) -> Option<&Fitted> {
        let mut finished = self.finished.iter();
        finished
            .find(|one| one.stage == stage)
            .map(|one| &one.fitted)
    }

    /// Takes out the state of a stage, where it is the one under way.
    pub(crate) fn take_state(&mut self, stage: Stage) -> Option<State> {
        let running = self.running.take_if(|running| running.stage == stage);
        running.map(|running| running.state)
    }

    /// Shows every vector that may be long to `visit`, with a name of its own (see
    /// [`State::visit_vectors`]).
    pub fn visit_vectors(&mut self, visit: &mut dyn FnMut(&str, VectorMut<'_>)) {
        for FinishedStage { stage, fitted } in &mut self.finished {
            let parameters = VectorMut::Single(&mut fitted.parameters);
            visit(&format!("finished.{stage}"), parameters);
        }
        if let Some(running) = &mut self.running {
            let mut inner =
                |name: &str, vector: VectorMut<'_>| visit(&format!("running.{name}"), vector);
            running.state.visit_vectors(&mut inner);
        }
    }
}

/// When a pipeline can be left and gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// After a step in the middle of an epoch.
    Step,
    /// After the last step of an epoch.
    Epoch,
    /// After the last epoch of a stage, before what it led to is evaluated.
    StageEnd,
    /// After a step, where the next one failed because its samples could not be read or another rank is lost,
    /// or was interrupted.
    Failure,
}

/// Copies how far a pipeline has come, at the moment of which an observer is told; refuses parameters that
/// are not finite.
pub type ReachedNow<'a> = &'a dyn Fn() -> Result<Reached, TrainError>;
