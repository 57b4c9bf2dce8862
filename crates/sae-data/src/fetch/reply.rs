//! What a mirror answers.

use std::io::Read;

/// The bytes of a file, or of the rest of it.
#[cfg_attr(
    not(feature = "fetch"),
    expect(dead_code, reason = "a folder sends whole files only")
)]
pub(super) enum Reply {
    /// From its start.
    Whole(Box<dyn Read>),
    /// From the place that was asked for.
    Rest(Box<dyn Read>),
    /// There is nothing at the place that was asked for.
    NoRest,
}
