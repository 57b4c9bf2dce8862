//! Results as a Parquet file.

use std::io;
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::table::{Heading, Writer};
use super::target::Target;
use crate::{DataError, Samples, WriteError};

/// Values of a group of rows.
const VALUES_AT_ONCE: usize = 4 << 20;

/// Writes a column of words, where there is one, and columns of the numbers' own kind.
pub(super) struct ParquetWriter {
    heading: Heading,
    path: std::path::PathBuf,
    target: Option<Target>,
    file: Option<SerializedFileWriter<Target>>,
    /// Rows that wait for a group.
    rows: Option<Samples>,
    words: Vec<String>,
}

impl ParquetWriter {
    pub(super) fn new(target: Target, heading: &Heading) -> Self {
        Self {
            heading: heading.clone(),
            path: target.shown().to_owned(),
            target: Some(target),
            file: None,
            rows: None,
            words: vec![],
        }
    }

    fn failed(&self, error: ParquetError) -> DataError {
        let source = match error {
            ParquetError::External(source) => match source.downcast::<io::Error>() {
                // A target's own error has its reason inside.
                Ok(source) => match source.downcast::<WriteError>() {
                    Ok(own) => return own.into(),
                    Err(source) => source,
                },
                Err(source) => io::Error::other(source),
            },
            other => io::Error::other(other),
        };
        WriteError::new(&self.path, source).into()
    }

    /// Writes the rows that wait.
    fn write_group(&mut self) -> std::result::Result<(), DataError> {
        let width = self.heading.numbers.len();
        let rows = self.rows.take().unwrap_or(Samples::Floats {
            width,
            values: vec![],
        });
        let words = std::mem::take(&mut self.words);
        let mut group = || -> Result<()> {
            if self.file.is_none()
                && let Some(target) = self.target.take()
            {
                self.file = Some(open(target, &self.heading, &rows)?);
            }
            match &mut self.file {
                Some(file) if rows.rows() > 0 => write_columns(file, &rows, &words),
                _ => Ok(()),
            }
        };
        let written = group();
        written.map_err(|error| self.failed(error))
    }
}

impl Writer for ParquetWriter {
    fn write(&mut self, rows: &Samples, words: &[String]) -> std::result::Result<(), DataError> {
        self.words.extend_from_slice(words);
        match &mut self.rows {
            Some(waiting) => waiting.append(rows)?,
            None => self.rows = Some(rows.clone()),
        }
        let waiting = self.rows.as_ref().map_or(0, Samples::rows);
        match waiting * rows.width() >= VALUES_AT_ONCE {
            true => self.write_group(),
            false => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> std::result::Result<(), DataError> {
        self.write_group()?;
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let target = file.into_inner().map_err(|error| self.failed(error))?;
        Ok(target.finish()?)
    }
}

/// A file for rows of the kind of these.
fn open(target: Target, heading: &Heading, rows: &Samples) -> Result<SerializedFileWriter<Target>> {
    let (physical, converted) = match rows {
        Samples::Bytes { .. } => (Physical::INT32, ConvertedType::UINT_8),
        Samples::Floats { .. } | Samples::Lent { .. } => (Physical::FLOAT, ConvertedType::NONE),
        Samples::Doubles { .. } => (Physical::DOUBLE, ConvertedType::NONE),
    };
    let words = heading.words.iter().map(|name| {
        let text = (Physical::BYTE_ARRAY, ConvertedType::UTF8);
        column(name, text)
    });
    let numbers = heading.numbers.iter();
    let numbers = numbers.map(|name| column(name, (physical, converted)));
    let columns: Result<Vec<TypePtr>> = words.chain(numbers).collect();
    let schema = Type::group_type_builder("schema").with_fields(columns?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    SerializedFileWriter::new(
        target,
        Arc::new(schema.build()?),
        Arc::new(properties.build()),
    )
}

fn column(name: &str, (physical, converted): (Physical, ConvertedType)) -> Result<TypePtr> {
    let column = Type::primitive_type_builder(name, physical)
        .with_repetition(Repetition::REQUIRED)
        .with_converted_type(converted);
    Ok(Arc::new(column.build()?))
}

fn write_columns(
    file: &mut SerializedFileWriter<Target>,
    rows: &Samples,
    words: &[String],
) -> Result<()> {
    let mut group = file.next_row_group()?;
    if !words.is_empty() {
        let words: Vec<ByteArray> = words.iter().map(|word| word.as_str().into()).collect();
        write_column::<ByteArrayType>(&mut group, &words)?;
    }
    for column in 0..rows.width() {
        match rows {
            Samples::Bytes { values, width } => {
                let values = values.iter().skip(column).step_by(*width);
                let values: Vec<i32> = values.map(|&value| i32::from(value)).collect();
                write_column::<Int32Type>(&mut group, &values)?;
            }
            Samples::Floats { values, width } => {
                let values = values.iter().skip(column).step_by(*width);
                write_column::<FloatType>(&mut group, &values.copied().collect::<Vec<_>>())?;
            }
            Samples::Lent { values, width } => {
                let values = values.iter().skip(column).step_by(*width);
                write_column::<FloatType>(&mut group, &values.copied().collect::<Vec<_>>())?;
            }
            Samples::Doubles { values, width } => {
                let values = values.iter().skip(column).step_by(*width);
                write_column::<DoubleType>(&mut group, &values.copied().collect::<Vec<_>>())?;
            }
        }
    }
    group.close().map(|_| ())
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Target>,
    values: &[T::T],
) -> Result<()> {
    let column = group.next_column()?;
    let mut column = column.ok_or_else(|| ParquetError::General("one column less".to_owned()))?;
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}
