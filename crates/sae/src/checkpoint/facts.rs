//! What a checkpoint holds.

use sae_stack::{Moment, Reached, Stage};
use serde::{Deserialize, Serialize};

use super::identity::Identity;
use crate::clock::Times;

/// The whole state of a run at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// What it says of the run.
    pub(crate) facts: Facts,
    /// How far the pipeline had come.
    pub(crate) reached: Reached,
    /// The bytes of `metrics.jsonl`.
    pub(crate) metrics: Vec<u8>,
}

/// What a checkpoint says of its run, beside the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Its number in the run, from 1.
    pub number: u64,
    /// The stage under way.
    pub stage: Stage,
    /// When in the stage.
    pub moment: Moment,
    /// What decides the run's results.
    pub identity: Identity,
    /// How long the run had taken.
    pub times: Times,
    /// How often the run had been stopped and gone on with.
    pub resumed: usize,
    /// The checkpoint at the end of an epoch whose J, on the validation samples where there are any, is the
    /// lowest of the stage.
    pub best: Option<BestCheckpoint>,
}

/// The best checkpoint of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BestCheckpoint {
    /// The name of its file.
    pub name: String,
    /// Its stage.
    pub stage: Stage,
    /// Its J.
    pub objective: f64,
}
