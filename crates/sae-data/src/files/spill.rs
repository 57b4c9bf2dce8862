//! Rows that do not fit in memory and come from a source that can be read but once.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use super::numbers::{Kind, Number};
use super::strided::{Place, Strided};
use crate::{DataError, Samples, Store};

/// Rows in a temporary file that has no name, so that nothing is left of it however the process ends.
#[derive(Debug)]
pub(crate) struct Spill {
    what: String,
    file: BufWriter<File>,
    number: Number,
    rows: usize,
    columns: usize,
}

impl Spill {
    /// Of rows of `columns` values, which are bytes or take four of them.
    ///
    /// # Errors
    ///
    /// Fails where no temporary file can be made.
    pub(crate) fn new(what: &str, columns: usize, value_bytes: usize) -> Result<Self, DataError> {
        let file = tempfile::tempfile().map_err(|source| DataError::no_room(what, source))?;
        Ok(Self {
            what: what.to_owned(),
            file: BufWriter::with_capacity(1 << 20, file),
            number: match value_bytes {
                1 => Number::U8,
                _ => Number::F32,
            },
            rows: 0,
            columns,
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    ///
    /// Refuses rows of another width; fails where the disk is full.
    pub(crate) fn write(&mut self, samples: &Samples) -> Result<(), DataError> {
        if samples.width() != self.columns {
            return Err(DataError::Unsuitable {
                found: format!("rows have {} values", samples.width()),
                expected: format!("{}, as those before", self.columns),
            });
        }
        let is_bytes = matches!(samples, Samples::Bytes { .. });
        if self.number == Number::U8 && !is_bytes {
            self.widen()?;
        }
        self.rows += samples.rows();
        let written = match (samples, self.number) {
            (Samples::Bytes { values, .. }, Number::U8) => self.file.write_all(values),
            (samples, _) => {
                let all: Vec<usize> = (0..samples.rows()).collect();
                let values = samples.gather(&all);
                let mut values = values.iter();
                values.try_for_each(|value| self.file.write_all(&value.to_le_bytes()))
            }
        };
        written.map_err(|source| DataError::no_room(&self.what, source))
    }

    /// Makes single precision of the bytes that are there.
    fn widen(&mut self) -> Result<(), DataError> {
        const ROWS: usize = 1024;
        let mut wide = Self::new(&self.what, self.columns, size_of::<f32>())?;
        let narrow = std::mem::replace(self, Self::new(&self.what, self.columns, 1)?).finish()?;
        let rows = narrow.rows();
        for first in (0..rows).step_by(ROWS) {
            wide.write(&narrow.read(first..rows.min(first + ROWS))?)?;
        }
        *self = wide;
        Ok(())
    }

    /// The rows, to be read.
    ///
    /// # Errors
    ///
    /// Fails where the disk is full.
    pub(crate) fn finish(self) -> Result<impl Store + 'static, DataError> {
        let what = self.what;
        let file = self.file.into_inner();
        let file = file.map_err(|error| DataError::no_room(&what, error.into_error()))?;
        let place = Place {
            path: PathBuf::from(what),
            offset: 0,
            kind: Kind::little(self.number),
            rows: self.rows,
            columns: self.columns,
            image: None,
            by_columns: false,
        };
        Ok(Strided::new(place, file))
    }
}
