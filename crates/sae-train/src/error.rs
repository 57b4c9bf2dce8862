//! The errors of this crate.

use sae_data::DataError;
use sae_gpu::GpuError;
use sae_kernels::{KernelError, Setting};
use sae_model::{ModelError, term};
use thiserror::Error;

use crate::GroupError;

/// What can stop training.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A setting lies outside its range.
    #[error(transparent)]
    Setting(#[from] Setting),
    /// The objective left the finite numbers.
    #[error(
        "{stage}, epoch {epoch}{}: {what} is {value}; training diverged. {}",
        step.map_or(String::new(), |step| format!(", step {step}")),
        advice(term, *learning_rate)
    )]
    NonFinite {
        /// What was being trained, for example `autoencoder-1`.
        stage: String,
        /// The epoch, from 1.
        epoch: usize,
        /// The step of the epoch, from 1, whose update was not made; nothing after the last.
        step: Option<usize>,
        /// What is not finite: a term of J, on the training or the validation samples, the gradient of a
        /// tensor, or a parameter.
        what: String,
        /// The name of the term of J that is to blame: the one that is not finite, or that weighed
        /// most.
        term: String,
        /// The value of what is not finite.
        value: f64,
        /// The learning rate that was in force.
        learning_rate: f64,
    },
    /// A wish to stop was met in the middle of a step, of which nothing is left.
    #[error("the step under way was interrupted")]
    Interrupted,
    /// There is nothing to train on.
    #[error("{stage}: there are no samples to train on")]
    NoSamples {
        /// What was to be trained.
        stage: String,
    },
    /// The kernels were given samples in double precision.
    #[error("the fused kernels compute in single precision; expected fused = \"never\" for f64")]
    DoublePrecision,
    /// A line search moves the parameters itself.
    #[error("lbfgs and cg move the parameters themselves; expected no single step or update")]
    LineSearchUpdate,
    /// A gradient was asked for before anything was added up.
    #[error("there is no gradient to finish; expected a backward pass before it")]
    NothingAddedUp,
    /// A state does not fit the session that it is to be put back into.
    #[error("{what} is {found}; expected {expected}")]
    State {
        /// The part of the state.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// The model refused its input.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The kernels refused their input.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A GPU failed.
    #[error("the device fails: {0}")]
    Device(String),
    /// The samples could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Those who train together cannot go on.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The caller's hook failed, for example because a file could not be written.
    #[error(transparent)]
    Hook(Box<dyn std::error::Error + Send + Sync>),
}

/// What the kernels for GPUs refuse those for CPUs refuse, too.
impl From<GpuError> for TrainError {
    fn from(error: GpuError) -> Self {
        match error {
            GpuError::Kernel(KernelError::Setting(setting)) => Self::Setting(setting),
            GpuError::Kernel(error) => Self::Kernel(error),
            GpuError::Device(problem) => Self::Device(problem),
        }
    }
}

/// The setting that rules the term to blame.
fn advice(term: &str, learning_rate: f64) -> String {
    let weight = match term {
        term::SPARSITY => "Lower beta, the weight of sparsity, or",
        term::WEIGHT_DECAY => "Lower weight_decay, or",
        term::L1 => "Lower l1, or",
        _ => "Lower",
    };
    let rate = match (1e-6..1e9).contains(&learning_rate) {
        true => learning_rate.to_string(),
        false => format!("{learning_rate:e}"),
    };
    format!(
        "{weight} the learning rate (it was {rate}), and check the inputs for values that \
         are not finite"
    )
}
