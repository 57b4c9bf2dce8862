//! Looking at a run while another process writes it.

use std::path::Path;

use super::RunFolder;
use super::marker::State;
use super::replacement::newest_replacement;
use super::writer::is_written;
use crate::FolderError;

/// What becomes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// A process writes it.
    Running,
    /// It is whole.
    Complete,
    /// It is not whole, and nobody writes it.
    CutOff,
}

/// A run as it is at one moment.
#[derive(Debug)]
pub(crate) struct Followed {
    /// Where its files lie.
    pub(crate) folder: RunFolder,
    /// What becomes of it.
    pub(crate) activity: Activity,
    /// Whether it will replace the one at the path that was asked for.
    pub(crate) replaces: bool,
}

impl RunFolder {
    /// The run at `path`, or the one that is being written to replace it.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::open`].
    pub(crate) fn follow(path: &Path) -> Result<Followed, FolderError> {
        let new = newest_replacement(path);
        if let Some(new) = new.filter(|_| is_written(path)) {
            return Ok(Followed {
                folder: Self::open(&new)?,
                activity: Activity::Running,
                replaces: true,
            });
        }
        let folder = Self::open(path)?;
        let activity = match folder.marker()?.state {
            State::Complete => Activity::Complete,
            State::Running if is_written(path) => Activity::Running,
            State::Running => Activity::CutOff,
        };
        Ok(Followed {
            folder,
            activity,
            replaces: false,
        })
    }
}
