//! A grey picture to cut from.

use std::path::Path;

use crate::files::open_picture;
use crate::{DataError, ImageShape};

/// A grey picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Height and width.
    pub shape: ImageShape,
    /// Its pixels, row by row.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// Reads a PNG, JPEG, WebP, BMP or TIFF file as grey: brightness 0.2126 R + 0.7152 G + 0.0722 B, what
    /// is transparent before black.
    ///
    /// # Errors
    ///
    /// Refuses files that cannot be read, are no pictures, or are too large.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let (picture, _) = open_picture(path)?;
        Ok(Self {
            shape: ImageShape::grey(picture.height() as usize, picture.width() as usize),
            pixels: picture.into_luma8().into_raw(),
        })
    }
}
