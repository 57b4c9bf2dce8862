//! What can be wrong with compressed codes.

use std::io;

use thiserror::Error;

/// Says what was found; whoever knows the file's name puts it before.
#[derive(Debug, Error)]
pub enum CompressionError {
    /// The system cannot read on.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// The system cannot write on.
    #[error("the compressed codes cannot be written: {0}")]
    Write(io::Error),
    /// It does not begin as compressed codes do.
    #[error("holds no compressed codes; expected a file that `sae compress` wrote")]
    NotCodes,
    /// A newer version wrote it.
    #[error("is of format {found}; expected {known}: another version of this program wrote it")]
    Format {
        /// Its format.
        found: u32,
        /// The one that is read.
        known: u32,
    },
    /// It ends before it is whole.
    #[error("ends in the middle, after {rows} rows; expected a whole file")]
    Short {
        /// The rows before the end.
        rows: u64,
    },
    /// It is not as it was written.
    #[error("is damaged after {rows} rows: {problem}")]
    Damaged {
        /// The rows before the damage.
        rows: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// It belongs to another model.
    #[error(
        "was compressed with another model; expected the one of fingerprint {wanted}, but this one's \
         is {found}"
    )]
    OtherModel {
        /// The beginning of the fingerprint in the file.
        wanted: String,
        /// That of the model at hand.
        found: String,
    },
    /// A code has no place in any range.
    #[error(
        "value {unit} of the code of row {row} (counted from 0) is {value}; expected a finite number"
    )]
    NotFinite {
        /// The row within what was compressed.
        row: u64,
        /// The place in the code.
        unit: usize,
        /// NaN or an infinity.
        value: f32,
    },
}

impl CompressionError {
    /// Whether wrong input is to blame, not work that failed.
    pub fn is_input(&self) -> bool {
        !matches!(self, Self::Write(_))
    }
}
