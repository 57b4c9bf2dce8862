//! Rows of results on their way into a file or to standard output.

mod csv;
mod npy;
mod safetensors;
mod target;

use std::path::Path;

pub use self::target::Target;

use self::csv::CsvWriter;
use self::npy::NpyWriter;
use self::safetensors::SafetensorsWriter;
use crate::{DataError, Format, Samples};

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

/// A writer to `path`, by the end of its name, or of CSV to standard output without one.
///
/// # Errors
///
/// Refuses names that tell no format that is written, and places that cannot be written.
pub fn writer(path: Option<&Path>, heading: &Heading) -> Result<Box<dyn Writer>, DataError> {
    let Some(path) = path else {
        return Ok(Box::new(CsvWriter::new(Target::output(), b',', heading)?));
    };
    let columns = heading.numbers.len();
    Ok(match Format::of_name(path) {
        Some(Format::Csv) => {
            let is_tsv = path
                .extension()
                .is_some_and(|end| end == "tsv" || end == "tab");
            let delimiter = if is_tsv { b'\t' } else { b',' };
            Box::new(CsvWriter::new(Target::file(path)?, delimiter, heading)?)
        }
        Some(Format::Npy) => Box::new(NpyWriter::new(Target::file(path)?, columns)?),
        Some(Format::Safetensors) => {
            Box::new(SafetensorsWriter::new(Target::file(path)?, columns)?)
        }
        _ => {
            let found = "has a name that tells no format";
            let expected = "a name that ends in .csv, .tsv, .npy or .safetensors";
            return Err(DataError::format(path, found, expected));
        }
    })
}

/// The bytes of numbers, lowest first.
fn bytes_of(rows: &Samples) -> Vec<u8> {
    match rows {
        Samples::Bytes { values, .. } => values.clone(),
        Samples::Floats { values, .. } => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Samples::Doubles { values, .. } => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}
