//! What cannot be written.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::message::shown_path;

/// A file or folder could not be written.
#[derive(Debug, Error)]
#[error("{}: cannot be written: {source}", shown_path(path))]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// The system's reason.
    pub source: io::Error,
}

impl WriteError {
    /// The error of `path`, without the temporary file that `source` may name.
    pub fn new(path: &Path, source: io::Error) -> Self {
        let names_a_path = source.get_ref().is_some();
        Self {
            path: path.to_owned(),
            source: match (source.kind(), names_a_path) {
                (ErrorKind::NotFound, _) => {
                    io::Error::new(ErrorKind::NotFound, "its folder is not there")
                }
                (kind, true) => kind.into(),
                (_, false) => source,
            },
        }
    }

    /// Whether the user asked for something impossible, as opposed to work that failed, for example
    /// on a full disk.
    pub fn is_input(&self) -> bool {
        matches!(
            self.source.kind(),
            ErrorKind::NotFound
                | ErrorKind::PermissionDenied
                | ErrorKind::NotADirectory
                | ErrorKind::IsADirectory
                | ErrorKind::AlreadyExists
                | ErrorKind::ReadOnlyFilesystem
                | ErrorKind::InvalidFilename
                | ErrorKind::NotSeekable
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_wrong_input() {
        let write = |kind: ErrorKind| WriteError::new(Path::new("run"), kind.into());
        assert!(!write(ErrorKind::StorageFull).is_input());
        assert!(write(ErrorKind::PermissionDenied).is_input());
    }
}
