//! The values of a column.

use half::f16;
use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescriptor;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Unsigned,
    Half,
    Words,
    /// Lists, or parts of groups.
    Nested,
    /// Times, decimals and other things that are no plain numbers, and bytes that are no text.
    Other,
}

impl Kind {
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        if column.path().parts().len() != 1 || column.max_rep_level() > 0 {
            return Self::Nested;
        }
        let converted = column.converted_type();
        match (column.physical_type(), column.logical_type_ref()) {
            (_, Some(LogicalType::String | LogicalType::Enum)) => Self::Words,
            (Type::BYTE_ARRAY, _)
                if matches!(converted, ConvertedType::UTF8 | ConvertedType::ENUM) =>
            {
                Self::Words
            }
            (Type::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Float16)) => Self::Half,
            (Type::INT32 | Type::INT64, Some(LogicalType::Integer(integer))) => {
                match integer.is_signed {
                    true => Self::Number,
                    false => Self::Unsigned,
                }
            }
            (Type::BOOLEAN | Type::INT32 | Type::INT64 | Type::FLOAT | Type::DOUBLE, None) => {
                match converted {
                    ConvertedType::UINT_8
                    | ConvertedType::UINT_16
                    | ConvertedType::UINT_32
                    | ConvertedType::UINT_64 => Self::Unsigned,
                    ConvertedType::NONE
                    | ConvertedType::INT_8
                    | ConvertedType::INT_16
                    | ConvertedType::INT_32
                    | ConvertedType::INT_64 => Self::Number,
                    _ => Self::Other,
                }
            }
            _ => Self::Other,
        }
    }

    /// Why the column cannot be an input, and what could be; `as_words` where words of it are inputs.
    pub(super) fn problem(self, as_words: bool) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Nested => Some((
                "holds lists or groups",
                "a column of numbers; table.ignore leaves a column out",
            )),
            Self::Other => Some((
                "holds times, decimals or bytes",
                "a column of numbers; table.ignore leaves a column out",
            )),
            Self::Words if !as_words => Some((
                "holds words",
                "numbers; table.one_hot = true takes words, table.label and table.ignore take a \
                 column out",
            )),
            Self::Words | Self::Number | Self::Unsigned | Self::Half => None,
        }
    }
}

/// Values of a column, row by row; nothing where one is missing.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cells {
    Numbers(Vec<Option<f64>>),
    Words(Vec<Option<Vec<u8>>>),
}

/// A column of a group of rows, read as far as it was asked for.
pub(super) struct OpenColumn {
    pub number: usize,
    kind: Kind,
    reader: ColumnReader,
}

impl OpenColumn {
    pub(super) fn new(number: usize, kind: Kind, reader: ColumnReader) -> Self {
        Self {
            number,
            kind,
            reader,
        }
    }

    /// The next `count` values.
    ///
    /// # Errors
    ///
    /// Refuses damaged values, and fewer than there should be.
    pub(super) fn read(&mut self, count: usize) -> Result<Cells> {
        let numbers = |values| Ok(Cells::Numbers(values));
        match (&mut self.reader, self.kind) {
            (ColumnReader::BoolColumnReader(reader), _) => {
                numbers(values(reader, count, |v| f64::from(u8::from(*v)))?)
            }
            (ColumnReader::Int32ColumnReader(reader), Kind::Unsigned) => {
                numbers(values(reader, count, |v| f64::from(v.cast_unsigned()))?)
            }
            (ColumnReader::Int32ColumnReader(reader), _) => {
                numbers(values(reader, count, |v| f64::from(*v))?)
            }
            (ColumnReader::Int64ColumnReader(reader), Kind::Unsigned) => {
                numbers(values(reader, count, |v| v.cast_unsigned() as f64)?)
            }
            (ColumnReader::Int64ColumnReader(reader), _) => {
                numbers(values(reader, count, |v| *v as f64)?)
            }
            (ColumnReader::FloatColumnReader(reader), _) => {
                numbers(values(reader, count, |v| f64::from(*v))?)
            }
            (ColumnReader::DoubleColumnReader(reader), _) => {
                numbers(values(reader, count, |v| *v)?)
            }
            (ColumnReader::FixedLenByteArrayColumnReader(reader), Kind::Half) => {
                let half = |bytes: &[u8]| match bytes {
                    &[low, high] => f16::from_le_bytes([low, high]).to_f64(),
                    _ => f64::NAN,
                };
                numbers(values(reader, count, |v| half(v.data()))?)
            }
            (ColumnReader::ByteArrayColumnReader(reader), _) => {
                Ok(Cells::Words(values(reader, count, |v| v.data().to_vec())?))
            }
            (ColumnReader::FixedLenByteArrayColumnReader(reader), _) => {
                Ok(Cells::Words(values(reader, count, |v| v.data().to_vec())?))
            }
            (ColumnReader::Int96ColumnReader(_), _) => {
                Err(ParquetError::NYI("times of 96 bits".to_owned()))
            }
        }
    }
}

/// The next `count` values, converted.
fn values<T: DataType, U>(
    reader: &mut ColumnReaderImpl<T>,
    count: usize,
    convert: impl Fn(&T::T) -> U,
) -> Result<Vec<Option<U>>> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let (rows, ..) = reader.read_records(count, Some(&mut levels), None, &mut values)?;
    if rows != count {
        let message = format!("a column ends {} rows early", count - rows);
        return Err(ParquetError::EOF(message));
    }
    let mut values = values.iter();
    Ok(match levels.is_empty() {
        // Every value is there.
        true => values.map(|value| Some(convert(value))).collect(),
        false => levels
            .iter()
            .map(|&level| if level > 0 { values.next() } else { None }.map(&convert))
            .collect(),
    })
}
