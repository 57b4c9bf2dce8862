//! Errors as the user sees them, and their exit codes.

use std::io::ErrorKind;
use std::process::ExitCode;

use sae::data::DataError;
use sae::train::{GroupError, TrainError};

use thiserror::Error;

/// The exit code of a run that was stopped by a signal; it can be gone on with.
pub const STOPPED: u8 = 3;

/// What can end a command.
#[derive(Debug, Error)]
pub enum CliError {
    /// The library's work.
    #[error(transparent)]
    Work(sae::Error),
    /// Signals cannot be waited for.
    #[error("signals cannot be waited for: {0}")]
    Signals(std::io::Error),
    /// The result could not be printed.
    #[error("the result cannot be printed: {0}")]
    Output(std::io::Error),
}

impl CliError {
    /// Wrong input, in words.
    pub fn input(message: String) -> Self {
        Self::Work(sae::Error::Input(message))
    }

    /// Whether all that happened is that a reader of the output has gone away.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(
            self,
            Self::Work(sae::Error::Data(DataError::Write(error)))
                if error.source.kind() == ErrorKind::BrokenPipe
        )
    }

    /// What is wrong between the ranks of a run, where that ends the command.
    fn of_group(&self) -> Option<&GroupError> {
        match self {
            Self::Work(
                sae::Error::Train(TrainError::Group(problem))
                | sae::Error::RankLost { problem, .. },
            ) => Some(problem),
            _ => None,
        }
    }

    /// Whether another rank has failed, and all have heard of it.
    #[cfg(feature = "mpi")]
    pub fn is_of_other_rank(&self) -> bool {
        matches!(self.of_group(), Some(GroupError::Failed { .. }))
    }

    /// 2 for wrong input, 3 for a run that was stopped, 1 for work that failed; of another rank the same.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    /// The same as a number.
    pub fn code(&self) -> u8 {
        use sae::Error::{DeviceLost, Stopped};
        match self.of_group() {
            Some(GroupError::Failed { failure, .. }) => return failure.code,
            Some(GroupError::Silent { .. }) => return STOPPED,
            _ => {}
        }
        match self {
            Self::Work(Stopped { .. } | DeviceLost { .. }) => STOPPED,
            Self::Work(error) if error.is_input() => 2,
            _ => 1,
        }
    }
}

impl<E: Into<sae::Error>> From<E> for CliError {
    fn from(error: E) -> Self {
        Self::Work(error.into())
    }
}
