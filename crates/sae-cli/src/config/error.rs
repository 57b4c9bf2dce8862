//! What can be wrong with a configuration.

use std::path::PathBuf;

use thiserror::Error;

/// Names the file, the line or key, what was found and what was expected.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The text is not TOML, a key is unknown, or a value has the wrong type.
    #[error("{place}: {message}")]
    Syntax {
        /// File and line, or the `--set` argument.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// A value is outside its range.
    #[error("{place}: {key} is {found}; expected {expected}")]
    Range {
        /// File and line, or the `--set` argument.
        place: String,
        /// The key, for example `layers[0].rho`.
        key: String,
        /// The value.
        found: String,
        /// What is allowed.
        expected: String,
    },
}
