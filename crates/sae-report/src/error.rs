//! The errors of this crate.

use std::path::PathBuf;

use thiserror::Error;

/// What can be wrong with a picture.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The values are not whole images.
    #[error("{picture}: {found} values are not images of {height} x {width} pixels")]
    Shape {
        /// What was to be drawn.
        picture: &'static str,
        /// Number of values that were given.
        found: usize,
        /// Height of an image in pixels.
        height: usize,
        /// Width of an image in pixels.
        width: usize,
    },
    /// There is nothing to draw.
    #[error("{picture}: there is nothing to draw")]
    Empty {
        /// What was to be drawn.
        picture: &'static str,
    },
    /// A value is no number that can be drawn.
    #[error("{picture}: {place} is {value}; expected finite numbers")]
    NotFinite {
        /// What was to be drawn.
        picture: &'static str,
        /// Which value.
        place: String,
        /// NaN or an infinity.
        value: f64,
    },
    /// Parts of a picture do not fit together.
    #[error("{picture}: {found} {what} were given; expected {expected}")]
    Count {
        /// What was to be drawn.
        picture: &'static str,
        /// Which parts.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A value lies outside the range in which the picture makes sense.
    #[error("{picture}: {name} is {value}; expected {expected}")]
    Outside {
        /// What was to be drawn.
        picture: &'static str,
        /// What the value is called.
        name: String,
        /// The value.
        value: f64,
        /// The range in words.
        expected: &'static str,
    },
    /// The file's name promises another format.
    #[error("{}: {found}; expected `.png`: pictures are PNG files", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
        /// How its name ends.
        found: String,
    },
    /// The picture could not be encoded.
    #[error("{picture}: {reason}")]
    Encode {
        /// What was to be drawn.
        picture: &'static str,
        /// The encoder's reason.
        reason: String,
    },
}
