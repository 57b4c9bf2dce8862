//! Rows of results on their way into a file or to standard output.

mod csv;
mod images;
mod matrix;
#[cfg(feature = "parquet")]
mod parquet;
mod table;
mod target;

use std::path::Path;

pub use self::table::{Heading, Writer};
pub use self::target::{Target, UNFINISHED};

use self::csv::CsvWriter;
use self::images::ImagesWriter;
use self::matrix::{Header, MatrixWriter};
#[cfg(feature = "parquet")]
use self::parquet::ParquetWriter;
use crate::{DataError, Format, ImageShape};

/// A writer to `path`, by the end of its name, or of CSV to standard output without one. Rows that are
/// images of a known shape may also go into a folder, whose name has no end.
///
/// # Errors
///
/// Refuses names that tell no format that is written, and places that cannot be written.
pub fn writer(
    path: Option<&Path>,
    heading: &Heading,
    image: Option<ImageShape>,
) -> Result<Box<dyn Writer>, DataError> {
    let Some(path) = path else {
        return Ok(Box::new(CsvWriter::new(Target::output(), b',', heading)?));
    };
    let columns = heading.numbers.len();
    let end = path.extension();
    Ok(match (Format::of_name(path), image) {
        (Some(Format::Csv), _) => {
            let is_tsv = end.is_some_and(|end| end == "tsv" || end == "tab");
            let delimiter = if is_tsv { b'\t' } else { b',' };
            Box::new(CsvWriter::new(Target::file(path)?, delimiter, heading)?)
        }
        (Some(Format::Npy), _) => matrix(path, Header::Npy, columns)?,
        (Some(Format::Safetensors), _) => matrix(path, Header::Safetensors, columns)?,
        #[cfg(feature = "parquet")]
        (Some(Format::Parquet), _) => Box::new(ParquetWriter::new(Target::file(path)?, heading)),
        #[cfg(not(feature = "parquet"))]
        (Some(Format::Parquet), _) => return Err(Format::no_parquet(path)),
        (None, Some(shape)) if end.is_none() => Box::new(ImagesWriter::new(path, shape)?),
        _ => {
            let found = "has a name that tells no format";
            let expected = "a name that ends in .csv, .tsv, .npy, .safetensors or .parquet (or, for \
                            images, a folder)";
            return Err(DataError::format(path, found, expected));
        }
    })
}

fn matrix(path: &Path, header: Header, columns: usize) -> Result<Box<dyn Writer>, DataError> {
    let target = Target::file(path)?;
    Ok(Box::new(MatrixWriter::new(target, header, columns)?))
}
