//! What there is left to do for a run.

use super::changes::{differences, extended};
use super::error::CheckpointError;
use crate::{Error, Experiment, Run, RunFolder};

/// Whether a run in `folder` has anything left to do for it to be one of `experiment`: it has not finished,
/// or a stage of it is given more epochs.
///
/// # Errors
///
/// Refuses other settings for a run that has finished.
pub fn is_left_to_do(folder: &RunFolder, experiment: &Experiment) -> Result<bool, Error> {
    if !folder.is_complete()? {
        return Ok(true);
    }
    let before = Run::settings_in(folder, &[])?;
    let now = experiment.resolved()?;
    let differences = differences(&before, &now)?;
    match (extended(&before, &now), differences.is_empty()) {
        (Some(_), _) => Ok(true),
        (None, true) => Ok(false),
        (None, false) => Err(CheckpointError::Finished {
            run: folder.path().to_owned(),
            differences,
        }
        .into()),
    }
}
