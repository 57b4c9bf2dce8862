//! Everything that is printed goes through here.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use crate::error::CliError;

/// Prints a result to standard output. A reader that has gone away is no error.
///
/// # Errors
///
/// Fails where the output cannot be written, for example because the disk is full.
pub fn result(text: impl Display) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CliError::Output(error)),
        _ => Ok(()),
    }
}

/// Prints a line of progress to standard error.
pub fn progress(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints an error to standard error.
pub fn error(error: impl Display) {
    let _ = writeln!(io::stderr().lock(), "error: {error}");
}
