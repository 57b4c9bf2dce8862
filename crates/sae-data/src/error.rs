//! The errors of this crate.

use std::path::PathBuf;

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
    /// A setting lies outside its range.
    #[error("{name} is {found}; expected {expected}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// The value that was given.
        found: String,
        /// The range that is allowed.
        expected: String,
    },
}
