//! What a run leads to.

use sae_kernels::InstructionSet;
use sae_model::GradientRule;
use sae_stack::Summary;
use sae_train::Choice;
use serde::{Deserialize, Serialize};

use crate::clock::StageTime;
use crate::{Backend, Model};

/// What a run gives.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The trained models.
    pub model: Model,
    /// Their figures.
    pub summary: RunSummary,
}

/// `summary.json`: how a run was made, and its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Version of the program.
    pub version: String,
    /// Where tensors were computed.
    pub backend: Backend,
    /// How gradients were computed.
    pub gradient: GradientRule,
    /// Who computed, and why not a faster executor.
    #[serde(flatten)]
    pub choice: Choice,
    /// The kernels' instruction set, on which the bits of the result depend.
    pub instruction_set: Option<InstructionSet>,
    /// Threads of the CPU, on which they do not.
    pub threads: usize,
    /// Processes that trained together, on which they do not depend either.
    #[serde(skip_serializing_if = "is_one", default = "crate::facts::one")]
    pub ranks: usize,
    /// System, processor and number of processors; empty in files of older versions.
    #[serde(default)]
    pub machine: String,
    /// Seed of every random number.
    pub seed: u64,
    /// Objectives are means over samples.
    pub objective_convention: String,
    /// Seconds of the whole run.
    pub seconds: f64,
    /// How long each stage took, with its evaluation.
    pub stages: Vec<StageTime>,
    /// How often the run was stopped and gone on with.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub resumed: usize,
    /// The figures.
    #[serde(flatten)]
    pub results: Summary,
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Where the program runs.
pub(crate) fn machine() -> String {
    let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{system} on {processor}, {count} processors")
}
