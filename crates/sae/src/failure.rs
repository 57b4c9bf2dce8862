//! What can go wrong, and whose fault it is.

use std::path::{Path, PathBuf};

use sae_data::DataError;
use sae_data::fetch::FetchError;
use sae_data::message::shown_path;
use sae_kernels::Setting;
use sae_model::ModelError;
use sae_report::ReportError;
use sae_stack::{Stage, WeightsError};
use sae_train::{GroupError, TrainError};
use thiserror::Error;

use crate::{CheckpointError, CompressionError, ConfigError, FolderError};

/// What can end a piece of work of this library.
#[derive(Debug, Error)]
pub enum Error {
    /// A configuration file or argument is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A setting lies outside its range.
    #[error(transparent)]
    Setting(#[from] Setting),
    /// The data are wrong.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A data set could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A run folder or another place for files cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Two parts of the input do not fit together, or a file is not where it should be.
    #[error("{0}")]
    Input(String),
    /// The backend cannot be used.
    #[error("{0}")]
    Backend(String),
    /// Training failed.
    #[error(transparent)]
    Train(TrainError),
    /// A model refused its settings or input.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A file of weights is damaged, or is not of this model.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: WeightsError,
    },
    /// A file could not be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The run was stopped, and its state saved.
    #[error(
        "stopped in {stage} after epoch {epochs}; nothing is lost: `sae resume {}` goes on",
        shown_path(run)
    )]
    Stopped {
        /// The run's folder.
        run: PathBuf,
        /// The stage under way.
        stage: Stage,
        /// Its epochs that had ended.
        epochs: usize,
    },
    /// A GPU was lost, or refused, in the middle of a run.
    #[error(
        "backend {backend}: the device failed ({problem}); nothing is lost but what came after the last \
         checkpoint: `sae resume {}` goes on from there",
        shown_path(run)
    )]
    DeviceLost {
        /// The run's folder.
        run: PathBuf,
        /// The name of the backend that it ran on.
        backend: &'static str,
        /// What the driver said.
        problem: String,
    },
    /// A process that trains together with others failed, or was lost.
    #[error(
        "{problem}; nothing is lost but what came after the last checkpoint: `sae resume {}` goes on from \
         there, on any number of ranks",
        shown_path(run)
    )]
    RankLost {
        /// The run's folder.
        run: PathBuf,
        /// What happened.
        problem: GroupError,
    },
    /// Compressed codes cannot be read or written.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// A picture could not be drawn.
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl Error {
    /// Puts a file's name before what is wrong with its content.
    pub fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Input(message) => Self::Input(format!("{}: {message}", path.display())),
            other => other,
        }
    }

    /// Of a run in `folder`, where a rank is to blame.
    pub(crate) fn in_run(self, folder: &Path) -> Self {
        match self {
            Self::Train(TrainError::Group(
                problem @ (GroupError::Failed { .. } | GroupError::Silent { .. }),
            )) => Self::RankLost {
                run: folder.to_owned(),
                problem,
            },
            other => other,
        }
    }

    /// Whether wrong input is to blame (exit code 2 of the program), not work that failed (1).
    pub fn is_input(&self) -> bool {
        match self {
            Self::Config(_)
            | Self::Setting(_)
            | Self::Input(_)
            | Self::Backend(_)
            | Self::Model(_)
            | Self::Weights { .. }
            | Self::Read { .. } => true,
            Self::Data(DataError::Write(error)) => error.is_input(),
            Self::Data(_) => true,
            Self::Fetch(error) => error.is_input(),
            Self::Folder(error) => error.is_input(),
            Self::Train(error) => matches!(
                error,
                TrainError::Setting(_) | TrainError::Model(_) | TrainError::NoSamples { .. }
            ),
            Self::Compression(error) => error.is_input(),
            Self::Checkpoint(_) => true,
            Self::Report(_)
            | Self::Stopped { .. }
            | Self::DeviceLost { .. }
            | Self::RankLost { .. } => false,
        }
    }

    /// An error of the data, whose settings stand in a table.
    pub fn in_table(table: &str, error: DataError) -> Self {
        match error {
            DataError::Setting(setting) => Self::Setting(setting.within(table)),
            other => Self::Data(other),
        }
    }
}

impl From<sae_data::WriteError> for Error {
    fn from(error: sae_data::WriteError) -> Self {
        Self::Data(error.into())
    }
}

/// Errors of an observer come back as they were.
impl From<TrainError> for Error {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Hook(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::Train(TrainError::Hook(other)),
            },
            TrainError::Setting(setting) => Self::Setting(setting),
            TrainError::Model(error) => Self::Model(error),
            other => Self::Train(other),
        }
    }
}

impl From<GroupError> for Error {
    fn from(error: GroupError) -> Self {
        Self::Train(error.into())
    }
}

/// Errors inside an observer, on their way through the training loop.
impl From<Error> for TrainError {
    fn from(error: Error) -> Self {
        Self::Hook(Box::new(error))
    }
}
