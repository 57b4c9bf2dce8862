//! Why files are not there in the end.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::WriteError;
use crate::message::shown_path;

/// What can go wrong while files are fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// A text means no mirror.
    #[error("{0:?} is neither a URL (http:// or https://) nor a folder that is there")]
    NoMirror(String),
    /// A folder that is a mirror lacks a file.
    #[error(
        "{}: there is no file {name}; expected a folder with {expected}",
        shown_path(folder)
    )]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The file.
        name: String,
        /// All that should be there.
        expected: String,
    },
    /// Where a file should go, there is another one.
    #[error(
        "{} is there already, but {fault}; remove it, or give another --dir",
        shown_path(path)
    )]
    Other {
        /// The file.
        path: PathBuf,
        /// How it is known to be another.
        fault: String,
    },
    /// Another process fetches the same file into the same folder.
    #[error("{} is being written by another process", shown_path(.0))]
    Busy(PathBuf),
    /// No mirror had the file, or not the right one.
    #[error("{name} cannot be fetched: {}", reasons.join("; "))]
    Failed {
        /// The file.
        name: String,
        /// What was wrong, mirror by mirror.
        reasons: Vec<String>,
        /// Whether any of them was beyond this machine.
        remote: bool,
    },
    /// The program has no HTTP client.
    #[error(
        "this program was built without the feature `fetch` and cannot download; get {names} from \
         {mirror} by other means, and give the folder that they are in as --mirror"
    )]
    NoClient {
        /// The files.
        names: String,
        /// Where they are.
        mirror: String,
    },
    /// A file could not be read.
    #[error("{}: cannot be read: {source}", shown_path(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl FetchError {
    /// A file that the system cannot read.
    pub(super) fn unreadable(path: &Path, source: io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    /// Whether wrong input is to blame, as opposed to a network or a disk.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Write(error) => error.is_input(),
            Self::Failed { remote, .. } => !remote,
            _ => true,
        }
    }
}
