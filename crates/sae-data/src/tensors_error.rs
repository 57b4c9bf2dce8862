//! What can be wrong with named arrays in a file.

use thiserror::Error;

/// What can be wrong with a file of named arrays.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TensorsError {
    /// Not a safetensors file, or a damaged one.
    #[error("not a readable safetensors file: {0}")]
    Format(String),
    /// The file is not as it was when it was sealed.
    #[error(
        "damaged: its bytes are not those that its seal was made of; expected the file as it was written"
    )]
    Broken,
    /// The file has no seal, though whatever wrote it seals its files.
    #[error("damaged: it has no seal; expected the file as it was written")]
    Unsealed,
    /// A tensor is missing, or not what it should be.
    #[error("tensor `{name}` is {found}; expected {expected}")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// What the file holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
}
