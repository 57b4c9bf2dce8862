//! A table of results: its columns, and whoever writes its rows.

use std::borrow::Cow;

use bytemuck::NoUninit;

use crate::{DataError, Samples};

/// What the columns of a result are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heading {
    /// The name of a column of words before the numbers, such as classes; nothing without one. Only
    /// text holds it.
    pub words: Option<String>,
    /// The names of the columns of numbers.
    pub numbers: Vec<String>,
}

impl Heading {
    /// Columns of numbers called `name` and their place, from 0.
    pub fn numbered(name: &str, count: usize) -> Self {
        Self {
            words: None,
            numbers: (0..count).map(|place| format!("{name}{place}")).collect(),
        }
    }
}

/// Writes rows one after the other.
pub trait Writer {
    /// Adds rows, `[rows, numbers]`, with their words where there is a column of them.
    ///
    /// # Errors
    ///
    /// Fails where the target cannot be written.
    fn write(&mut self, rows: &Samples, words: &[String]) -> Result<(), DataError>;

    /// Ends the file; until then nothing is at its path.
    ///
    /// # Errors
    ///
    /// As [`Writer::write`].
    fn finish(self: Box<Self>) -> Result<(), DataError>;
}

/// The bytes of numbers, lowest first.
pub(super) fn bytes_of(rows: &Samples) -> Cow<'_, [u8]> {
    match rows {
        Samples::Bytes { values, .. } => Cow::Borrowed(values),
        Samples::Floats { values, .. } => little_endian(values, |v| v.to_le_bytes()),
        Samples::Lent { values, .. } => little_endian(values, |v| v.to_le_bytes()),
        Samples::Doubles { values, .. } => little_endian(values, |v| v.to_le_bytes()),
    }
}

/// Numbers as they lie in memory, where that is lowest byte first.
fn little_endian<T: NoUninit, const N: usize>(
    values: &[T],
    bytes: impl Fn(&T) -> [u8; N],
) -> Cow<'_, [u8]> {
    match cfg!(target_endian = "little") {
        true => Cow::Borrowed(bytemuck::cast_slice(values)),
        false => Cow::Owned(values.iter().flat_map(bytes).collect()),
    }
}
