//! Who is compared, and what came of it.

use crate::compression::distortion::Distortion;

/// A way to compress rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The model's quantised codes.
    Autoencoder {
        /// Values of a row.
        values: usize,
    },
    /// Principal components, fitted on the very rows, quantised and packed as codes are. Their basis is
    /// not counted, as the model is not.
    Pca {
        /// How many.
        components: usize,
    },
    /// JPEG of all images on few large sheets, without subsampling, at the largest quality that takes no
    /// more bytes than the codes; at quality 1 where every one takes more.
    Jpeg {
        /// 1 to 100.
        quality: u8,
    },
    /// Lossless WebP of the same sheets.
    WebP,
}

/// What came of one way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rival {
    /// Which.
    pub method: Method,
    /// What it takes.
    pub bytes: u64,
    /// How far the rows are from what it gives back.
    pub distortion: Distortion,
}
