//! The errors of this crate.

use std::path::{Path, PathBuf};

use sae_kernels::Setting;
use thiserror::Error;

use crate::WriteError;
use crate::message::shown_path;

/// What can be wrong with data.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file could not be read.
    #[error("{}: cannot be read: {source}", shown_path(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {found}; expected {expected}", shown_path(path))]
    Format {
        /// The file.
        path: PathBuf,
        /// What the file holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
    /// Two files that belong together differ in the number of samples.
    #[error(
        "{} holds {images} images but {} holds {labels} labels; expected one label per image",
        shown_path(images_path),
        shown_path(labels_path)
    )]
    Counts {
        /// The image file.
        images_path: PathBuf,
        /// Its number of images.
        images: usize,
        /// The label file.
        labels_path: PathBuf,
        /// Its number of labels.
        labels: usize,
    },
    /// Samples or labels that can be read are not what they should be.
    #[error("{found}; expected {expected}")]
    Unsuitable {
        /// What they are.
        found: String,
        /// What they should be.
        expected: String,
    },
    /// There is no temporary file for rows that do not fit in memory.
    #[error(
        "{what}: its rows cannot be kept in a temporary file in {}: {source}; expected room there, or \
         TMPDIR with the name of another folder",
        shown_path(folder)
    )]
    Spill {
        /// The source of the rows.
        what: String,
        /// The folder of temporary files.
        folder: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A setting lies outside its range.
    #[error(transparent)]
    Setting(#[from] Setting),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl DataError {
    /// A file that the system cannot read.
    pub(crate) fn unreadable(path: &Path, source: std::io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    /// Rows for which there is no temporary file.
    pub(crate) fn no_room(what: &str, source: std::io::Error) -> Self {
        Self::Spill {
            what: what.to_owned(),
            folder: std::env::temp_dir(),
            source,
        }
    }

    /// A file that is not what it should be.
    pub(crate) fn format(
        path: impl Into<PathBuf>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Format {
            path: path.into(),
            found: found.into(),
            expected: expected.into(),
        }
    }
}
