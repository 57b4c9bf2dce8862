//! The errors of this crate.

use std::path::{Path, PathBuf};

use sae_kernels::Setting;
use thiserror::Error;

/// What can be wrong with data.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file could not be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {found}; expected {expected}", path.display())]
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
        images_path.display(),
        labels_path.display()
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
    /// A setting lies outside its range.
    #[error(transparent)]
    Setting(#[from] Setting),
}

impl DataError {
    /// A file that the system cannot read.
    pub(crate) fn unreadable(path: &Path, source: std::io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
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

/// Text of a file in a message: the beginning, without what would move a terminal's cursor.
pub(crate) fn escaped(text: &str) -> String {
    const MOST: usize = 200;
    let plain = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    let start: String = text.chars().take(MOST).map(plain).collect();
    match text.chars().count() > MOST {
        true => format!("{start}…"),
        false => start,
    }
}
