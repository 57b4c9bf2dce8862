//! How long a run has taken, also where it was stopped and gone on with.

use std::cell::RefCell;
use std::time::Instant;

use sae_stack::Stage;
use serde::{Deserialize, Serialize};

/// How long a stage took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// The stage.
    pub stage: String,
    /// Seconds.
    pub seconds: f64,
}

/// How long a run has taken so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Times {
    /// Seconds of the whole.
    pub seconds: f64,
    /// Of the stages that are over, with their evaluation.
    pub stages: Vec<StageTime>,
    /// Seconds of the one that is under way.
    pub running: f64,
}

/// Goes on from what was before.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    before: f64,
    stages: RefCell<Vec<StageTime>>,
    /// When the stage under way was begun in this process, and its seconds before.
    stage: RefCell<(Instant, f64)>,
}

impl Clock {
    /// Of a run that began, or goes on, at `started`.
    pub(crate) fn since(started: Instant, before: Times) -> Self {
        Self {
            started,
            before: before.seconds,
            stages: RefCell::new(before.stages),
            stage: RefCell::new((Instant::now(), before.running)),
        }
    }

    /// A stage begins or goes on.
    pub(crate) fn begin(&self) {
        self.stage.borrow_mut().0 = Instant::now();
    }

    /// A stage has ended. One that was over before keeps its time.
    pub(crate) fn end(&self, stage: Stage) {
        let mut stages = self.stages.borrow_mut();
        let (name, seconds) = (stage.to_string(), self.running());
        if !stages.iter().any(|one| one.stage == name) {
            stages.push(StageTime {
                stage: name,
                seconds,
            });
            *self.stage.borrow_mut() = (Instant::now(), 0.0);
        }
    }

    /// Until now.
    pub(crate) fn times(&self) -> Times {
        Times {
            seconds: self.before + self.started.elapsed().as_secs_f64(),
            stages: self.stages.borrow().clone(),
            running: self.running(),
        }
    }

    fn running(&self) -> f64 {
        let (since, before) = *self.stage.borrow();
        before + since.elapsed().as_secs_f64()
    }
}
