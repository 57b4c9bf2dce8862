//! What can be wrong with a checkpoint, or with going on from it.

use std::path::PathBuf;

use sae_data::message::shown_path;
use sae_stack::Stage;
use thiserror::Error;

use super::changes::Difference;

/// Why a run cannot go on from a checkpoint.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CheckpointError {
    /// Its file is not as it was written, or is no checkpoint.
    #[error("{problem}")]
    Damaged {
        /// What is wrong.
        problem: String,
    },
    /// Its file is as it was written, and this version does not understand it.
    #[error(
        "{}: is as it was written, but {problem}; expected a checkpoint of this version. Go on with the version that \
         wrote it, or remove it to go on from the one before",
        shown_path(path)
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What is not understood.
        problem: String,
    },
    /// Its file cannot be read now.
    #[error(
        "{problem}; expected a checkpoint. Try again, or remove it to go on from the one before"
    )]
    Unreadable {
        /// What is wrong.
        problem: String,
    },
    /// A state that no file can hold.
    #[error("the state of the run cannot be saved: {problem}")]
    Unwritable {
        /// What is wrong.
        problem: String,
    },
    /// The run is no longer the one that was begun.
    #[error(
        "{} cannot go on: {}; expected the same as when it was begun. To go on all the same, with other \
         results than an undisturbed run, give --accept {}",
        shown_path(run),
        listed(differences),
        accepted(differences)
    )]
    Changed {
        /// The run.
        run: PathBuf,
        /// What differs.
        differences: Vec<Difference>,
    },
    /// A finished run is asked for with other settings.
    #[error(
        "{} has finished: {}; expected the same settings, or more epochs. Give another --out, or --overwrite \
         to replace it",
        shown_path(run),
        listed(differences)
    )]
    Finished {
        /// The run.
        run: PathBuf,
        /// What differs.
        differences: Vec<Difference>,
    },
    /// More epochs are wanted of a stage whose end was not kept.
    #[error(
        "{} cannot give {stage} more epochs: the checkpoint at its end is gone; expected checkpoints.ends = \
         true. Train it anew",
        shown_path(run)
    )]
    NoEnd {
        /// The run.
        run: PathBuf,
        /// The stage.
        stage: Stage,
    },
    /// There are checkpoints, and none of them can be used.
    #[error(
        "{} cannot go on: none of its {count} checkpoints is whole ({problem}); expected at least one. \
         Restore one, or remove the folder checkpoints to begin anew",
        shown_path(run)
    )]
    NoneWhole {
        /// The run.
        run: PathBuf,
        /// How many there are.
        count: usize,
        /// What is wrong with the newest.
        problem: String,
    },
}

fn listed(differences: &[Difference]) -> String {
    let all: Vec<String> = differences.iter().map(ToString::to_string).collect();
    all.join("; ")
}

fn accepted(differences: &[Difference]) -> String {
    let mut all: Vec<String> = differences.iter().map(|d| d.what.to_string()).collect();
    all.dedup();
    all.join(",")
}
