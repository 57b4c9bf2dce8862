//! The errors of this crate.

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
    /// The picture could not be encoded.
    #[error("{picture}: {reason}")]
    Encode {
        /// What was to be drawn.
        picture: &'static str,
        /// The encoder's reason.
        reason: String,
    },
}
