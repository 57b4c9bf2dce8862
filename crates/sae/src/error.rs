//! What can be wrong with a configuration or a run folder.

use std::io::Error;
use std::path::PathBuf;

use sae_data::WriteError;
use sae_data::message::shown_path;
use thiserror::Error;

/// Names the file, the line or key, what was found and what was expected.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: cannot be read: {source}", shown_path(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: Error,
    },
    /// The text is not TOML, a key is unknown, or a table lacks one.
    #[error("{place}: {message}")]
    Syntax {
        /// File and line, or the `--set` argument.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// A value has the wrong type or is outside its range.
    #[error("{place}: {key} is {found}; expected {expected}")]
    Range {
        /// File and line, or the `--set` argument.
        place: String,
        /// The key, for example `layers[0].rho`.
        key: String,
        /// The value.
        found: String,
        /// What is allowed.
        expected: String,
    },
}

/// Names the folder or file as the user gave it, never a temporary one beside it.
#[derive(Debug, Error)]
pub enum FolderError {
    /// A folder holds a run, which would be lost.
    #[error(
        "{} already holds a run; give another --out, or --overwrite to replace it",
        shown_path(.0)
    )]
    HoldsRun(PathBuf),
    /// A folder holds a run that was cut off.
    #[error(
        "{run} holds a run that was cut off; `sae resume {run}` goes on with it. Or give another --out, or \
         --overwrite to replace it",
        run = shown_path(.0)
    )]
    CutOff(PathBuf),
    /// A folder holds what no run wrote.
    #[error("{} is there already and is not an empty folder; give another --out", shown_path(.0))]
    Foreign(PathBuf),
    /// A folder looks like a run, but nothing tells which of its files the run wrote.
    #[error(
        "{} holds a run of an older version, which does not say what belongs to it; remove it by \
         hand, or give another --out",
        shown_path(.0)
    )]
    OlderVersion(PathBuf),
    /// Another process has claimed the folder.
    #[error(
        "{} is being written by another run{}; wait for it, or give another --out",
        shown_path(path),
        writer.as_ref().map_or(String::new(), |writer| format!(" ({writer})"))
    )]
    Busy {
        /// The folder.
        path: PathBuf,
        /// Who writes it, where that is known.
        writer: Option<String>,
    },
    /// A run would replace the folder that it reads from or is started in.
    #[error(
        "{} cannot be replaced, because this run needs {} in it; give another --out",
        shown_path(folder),
        shown_path(needed)
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// What lies in it.
        needed: PathBuf,
    },
    /// A file of the new run has the name of one that the old run did not write.
    #[error(
        "{} was not written by the run that is to be replaced; move it, or give another --out",
        shown_path(.0)
    )]
    NotOurs(PathBuf),
    /// A folder is not one that a run wrote.
    #[error("{} holds no run; expected a folder that `sae train` wrote", shown_path(.0))]
    NoRun(PathBuf),
    /// The marker of a run cannot be understood.
    #[error("{}: {problem}", shown_path(path))]
    Marker {
        /// The marker file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file or folder could not be read.
    #[error("{}: cannot be read: {source}", shown_path(path))]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: Error,
    },
    /// A file of a run would be reached by a link, or by a way out of its folder.
    #[error("{}: does not lie in the run's folder itself; expected no links and no `..`", shown_path(.0))]
    Outside(PathBuf),
    /// A file is not what it was when its run was whole.
    #[error(
        "{}: damaged: {}; expected the file as it was. `sae verify` looks at the whole run; with --no-verify \
         `sae eval` and others read what is left",
        shown_path(path),
        damage(*found, *expected)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        found: u64,
        /// The bytes that it had.
        expected: u64,
    },
    /// A file or folder could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A run is whole, but could not replace the old one.
    #[error(
        "{reason} (the new run is whole; its files were kept in {})",
        shown_path(kept)
    )]
    NotReplaced {
        /// Why.
        reason: Box<FolderError>,
        /// Where the new run is.
        kept: PathBuf,
    },
}

impl FolderError {
    /// Whether the user asked for something impossible (exit code 2), as opposed to work that
    /// failed, for example on a full disk (exit code 1).
    pub fn is_input(&self) -> bool {
        match self {
            Self::Write(error) => error.is_input(),
            Self::NotReplaced { .. } => false,
            _ => true,
        }
    }
}

/// How the bytes of a file differ from those that its run wrote.
pub(crate) fn damage(found: u64, expected: u64) -> String {
    match found == expected {
        true => format!("it is not what the run wrote (of its {found} bytes some have changed)"),
        false => format!("it is not what the run wrote (it has {found} bytes and had {expected})"),
    }
}
