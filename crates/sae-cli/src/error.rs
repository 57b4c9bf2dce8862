//! Errors as the user sees them, and their exit codes.

use std::path::PathBuf;
use std::process::ExitCode;

use sae_data::DataError;
use sae_model::ModelError;
use sae_report::ReportError;
use sae_stack::WeightsError;
use sae_train::TrainError;
use thiserror::Error;

use crate::config::ConfigError;

/// What can end a command.
#[derive(Debug, Error)]
pub enum CliError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data are wrong.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Two parts of the input do not fit together, or a file is not where it should be.
    #[error("{0}")]
    Input(String),
    /// The backend cannot be used.
    #[error("{0}")]
    Backend(String),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A model refused its settings or input.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A weights file is damaged.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: WeightsError,
    },
    /// A picture could not be drawn.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A file could not be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl CliError {
    /// 2 for wrong input, 1 for work that failed.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(_)
            | Self::Data(_)
            | Self::Input(_)
            | Self::Backend(_)
            | Self::Model(_)
            | Self::Weights { .. } => 2,
            Self::Train(_) | Self::Report(_) | Self::Write { .. } => 1,
        })
    }
}

/// Errors of a [`CliError`] inside the training loop's hook come back as they were.
impl From<CliError> for TrainError {
    fn from(error: CliError) -> Self {
        Self::Hook(Box::new(error))
    }
}
