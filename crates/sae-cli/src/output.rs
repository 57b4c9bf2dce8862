//! Everything that is printed goes through here.

use std::fmt::Display;
use std::io::{self, Write};

/// Prints a result to standard output. A reader that has gone away is no error.
pub fn result(text: impl Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Prints a line of progress to standard error.
pub fn progress(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints an error to standard error.
pub fn error(error: impl Display) {
    let _ = writeln!(io::stderr().lock(), "error: {error}");
}
