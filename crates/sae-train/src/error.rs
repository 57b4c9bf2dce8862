//! The errors of this crate.

use sae_model::ModelError;
use thiserror::Error;

/// What can stop training.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A setting lies outside its range.
    #[error("{name} is {found}; expected {expected}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The value that was given.
        found: String,
        /// The range that is allowed.
        expected: &'static str,
    },
    /// The objective left the finite numbers.
    #[error(
        "{stage}, epoch {epoch}: the {term} term of the objective is {value}; training diverged. \
         Lower the learning rate (it was {learning_rate}), and check the inputs for values that \
         are not finite"
    )]
    NonFinite {
        /// What was being trained, for example `autoencoder-1`.
        stage: String,
        /// The epoch, from 1.
        epoch: usize,
        /// The first term that is not finite.
        term: &'static str,
        /// Its value.
        value: f64,
        /// The learning rate that was in force.
        learning_rate: f64,
    },
    /// There is nothing to train on.
    #[error("{stage}: there are no samples to train on")]
    NoSamples {
        /// What was to be trained.
        stage: String,
    },
    /// The model refused its input.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The caller's hook failed, for example because a file could not be written.
    #[error(transparent)]
    Hook(Box<dyn std::error::Error + Send + Sync>),
}
