//! From which checkpoint a run goes on.

use sae_data::seal::{self, Seal};
use sae_stack::Stage;

use super::changes::{Change, Difference, differences, extended};
use super::error::CheckpointError;
use super::facts::Checkpoint;
use super::identity::Identity;
use super::name::{Name, checkpoints_in};
use crate::run::{CONFIG, settings_of};
use crate::{Error, FolderError, RunFolder};

/// From where a run goes on, and what there is to say about that.
#[derive(Debug)]
pub struct Resumption {
    /// What decides its results from now on.
    identity: Identity,
    /// The checkpoint, and the name of its file; nothing where the run begins.
    from: Option<(Checkpoint, Name)>,
    /// Newer checkpoints that could not be used, and why; differences that were accepted.
    pub notes: Vec<String>,
}

/// Where a run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name of the checkpoint's file.
    pub checkpoint: String,
    /// The stage that was under way.
    pub stage: Stage,
    /// Its epochs that had ended.
    pub epochs: usize,
    /// Steps of the next one.
    pub steps: usize,
}

impl Resumption {
    /// From the beginning.
    pub(crate) fn beginning(identity: Identity) -> Self {
        Self {
            identity,
            from: None,
            notes: vec![],
        }
    }

    /// Where the run goes on; nothing where it begins.
    pub fn place(&self) -> Option<Place> {
        let (checkpoint, name) = self.from.as_ref()?;
        let running = checkpoint.reached.running.as_ref();
        let state = running.map(|running| &running.state);
        Some(Place {
            checkpoint: name.to_string(),
            stage: checkpoint.facts.stage,
            epochs: state.map_or(0, |state| state.epochs),
            steps: state.map_or(0, |state| state.progress.steps),
        })
    }

    /// What decides the run's results, and the checkpoint.
    pub(crate) fn into_parts(self) -> (Identity, Option<Checkpoint>) {
        (self.identity, self.from.map(|(checkpoint, _)| checkpoint))
    }

    /// From the beginning of a run that was cut off before its first checkpoint: only its settings are known.
    fn anew(folder: &RunFolder, now: Identity, accept: &[Change]) -> Result<Self, Error> {
        let notes = match folder.has(CONFIG) {
            true => {
                let before = settings_of(folder, &[])?;
                accepted(folder, differences(&before, &now.experiment)?, accept)?
            }
            false => vec![],
        };
        Ok(Self {
            notes,
            ..Self::beginning(now)
        })
    }

    /// From the newest checkpoint in `folder` from which a run that is `now` can go on; from the beginning
    /// where there is none at all.
    ///
    /// # Errors
    ///
    /// Refuses a run that is no longer what it was, unless the difference is in `accept`, and a folder in
    /// which no checkpoint is whole.
    pub(crate) fn find(
        folder: &RunFolder,
        now: Identity,
        accept: &[Change],
    ) -> Result<Self, Error> {
        let names = checkpoints_in(folder)?;
        let mut notes = Vec::new();
        let Some((newest, name)) = whole(folder, &names, &mut notes, |_| true)? else {
            return match notes.into_iter().next() {
                Some(problem) => Err(CheckpointError::NoneWhole {
                    run: folder.path().to_owned(),
                    count: names.len(),
                    problem,
                }
                .into()),
                None => Self::anew(folder, now, accept),
            };
        };
        let differences = newest.facts.identity.differences(&now)?;
        notes.extend(accepted(folder, differences, accept)?);
        let longer_than = |checkpoint: &Checkpoint| {
            let longer = extended(&checkpoint.facts.identity.experiment, &now.experiment);
            longer.filter(|longer| *longer < checkpoint.facts.stage)
        };
        let mut from = (newest, name);
        // The one that is found may be of fewer epochs still.
        while let Some(longer) = longer_than(&from.0) {
            let found = whole(folder, &names, &mut notes, |name| name.stage <= longer)?;
            from = found.ok_or_else(|| CheckpointError::NoEnd {
                run: folder.path().to_owned(),
                stage: longer,
            })?;
        }
        Ok(Self {
            identity: now,
            from: Some(from),
            notes,
        })
    }
}

/// Notes of the differences, all of which are accepted.
fn accepted(
    folder: &RunFolder,
    differences: Vec<Difference>,
    accept: &[Change],
) -> Result<Vec<String>, CheckpointError> {
    let is_accepted = |difference: &Difference| accept.contains(&difference.what);
    let (accepted, refused): (Vec<_>, Vec<_>) = differences.into_iter().partition(is_accepted);
    match refused.is_empty() {
        true => Ok(accepted.iter().map(|d| format!("{d}; accepted")).collect()),
        false => Err(CheckpointError::Changed {
            run: folder.path().to_owned(),
            differences: refused,
        }),
    }
}

/// The first of the checkpoints that is whole, among those that are wanted; notes say of those before it how they are
/// damaged.
///
/// # Errors
///
/// Refuses one that cannot be read now, and one that is as it was written and cannot be understood: another version
/// may have gone on. They are not damaged, and nothing may be lost by going on without them.
fn whole(
    folder: &RunFolder,
    names: &[Name],
    notes: &mut Vec<String>,
    wanted: impl Fn(&Name) -> bool,
) -> Result<Option<(Checkpoint, Name)>, Error> {
    for name in names.iter().filter(|name| wanted(name)) {
        let file = name.to_string();
        let problem = match folder.read(&file) {
            Ok(bytes) => match Checkpoint::from_bytes(&bytes) {
                Ok(checkpoint) if name.is_of(&checkpoint.facts) => {
                    return Ok(Some((checkpoint, *name)));
                }
                Ok(_) => format!("{file}: damaged: it is the checkpoint of another name"),
                Err(problem) if seal::check(&bytes).is_ok_and(|seal| seal == Seal::Whole) => {
                    let problem = problem.to_string();
                    let path = folder.path().join(file);
                    return Err(CheckpointError::Unknown { path, problem }.into());
                }
                Err(problem) => format!("{file}: {problem}"),
            },
            Err(problem @ FolderError::Damaged { .. }) => problem.to_string(),
            Err(problem) => {
                let problem = problem.to_string();
                return Err(CheckpointError::Unreadable { problem }.into());
            }
        };
        if !notes.contains(&problem) {
            notes.push(problem);
        }
    }
    Ok(None)
}
