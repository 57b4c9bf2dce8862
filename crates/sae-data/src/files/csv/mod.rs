//! Tables as text: a row per line, fields with a delimiter between them (RFC 4180).

mod columns;
mod config;
mod fields;
mod lines;

use std::path::Path;

use csv::ByteRecord;

pub use config::{CsvConfig, Delimiter, Header};

use self::columns::{Columns, Input};
use self::fields::{is_missing, number};
use self::lines::{Lines, line_of};
use crate::files::purpose::Purpose;
use crate::message::shown;
use crate::rows::{Chunk, Layout, Reader};
use crate::{DataError, Samples};

/// A table that is being read.
pub(super) struct CsvReader {
    config: CsvConfig,
    columns: Columns,
    lines: Lines,
    layout: Layout,
}

impl CsvReader {
    /// Opens a table. Where words become inputs, they are those of a model, if it has any.
    ///
    /// # Errors
    ///
    /// Refuses what is no table, has no row, or lacks a column that the settings name.
    pub(super) fn open(
        path: &Path,
        config: &CsvConfig,
        purpose: Purpose<'_>,
    ) -> Result<Self, DataError> {
        let mut lines = Lines::open(path, config)?;
        let columns = Columns::choose(&mut lines, config, purpose)?;
        let layout = Layout {
            names: columns.input_names(),
            labelled: columns.label.is_some(),
            ..Layout::table(columns.inputs.len())
        };
        Ok(Self {
            config: config.clone(),
            columns,
            lines,
            layout,
        })
    }

    fn refuse(&self, row: &ByteRecord, column: usize, found: &str, expected: &str) -> DataError {
        let found = format!(
            "line {}, {}: {found}",
            line_of(row),
            self.columns.name(column)
        );
        DataError::format(self.lines.path(), found, expected)
    }

    /// The value of an input in a row.
    fn value(&self, row: &ByteRecord, input: &Input) -> Result<f64, DataError> {
        let column = input.column;
        let field = row.get(column).unwrap_or_default().trim_ascii();
        if is_missing(field) {
            return self.config.fill_missing.ok_or_else(|| {
                let found = "the value is missing";
                let expected = "a number; csv.fill_missing says what stands for missing ones";
                self.refuse(row, column, found, expected)
            });
        }
        if let Some(word) = &input.word {
            return Ok(f64::from(u8::from(field == word)));
        }
        let refuse = |problem: &str, expected: &str| {
            let found = format!("`{}` is {problem}", shown(&String::from_utf8_lossy(field)));
            Err(self.refuse(row, column, &found, expected))
        };
        match number(field) {
            None => refuse(
                "no number",
                "a number; csv.one_hot = true takes words, csv.label and csv.ignore take a column \
                 out",
            ),
            Some(value) if !(value as f32).is_finite() => {
                refuse("beyond the numbers of f32", "a finite number")
            }
            Some(value)
                if self.config.pixels
                    && !((0.0..=255.0).contains(&value) && value.fract() == 0.0) =>
            {
                refuse("no pixel", "a whole number from 0 to 255")
            }
            Some(value) => Ok(value),
        }
    }

    fn label_of(&self, row: &ByteRecord, column: usize) -> Result<String, DataError> {
        let field = row.get(column).unwrap_or_default();
        match std::str::from_utf8(field) {
            Ok(_) if is_missing(field) => {
                Err(self.refuse(row, column, "the label is missing", "a label"))
            }
            Ok(text) => Ok(text.trim().to_owned()),
            Err(_) => Err(self.refuse(row, column, "the label is no UTF-8", "text in UTF-8")),
        }
    }
}

/// The fields of a table of one column, as they are. The first line is one of them unless the settings
/// say that it holds a name.
pub(super) fn read_words(path: &Path, config: &CsvConfig) -> Result<Vec<String>, DataError> {
    let mut lines = Lines::open(path, config)?;
    if lines.fields() != 1 {
        let found = format!("has {} columns", lines.fields());
        return Err(DataError::format(path, found, "one column of labels"));
    }
    if config.header == Header::Yes {
        lines.next()?;
    }
    let mut words = Vec::new();
    while let Some(row) = lines.next()? {
        let field = row.get(0).unwrap_or_default();
        match std::str::from_utf8(field) {
            Ok(text) if !is_missing(field) => words.push(text.trim().to_owned()),
            _ => {
                let found = format!("line {}: the label is missing, or no UTF-8", line_of(&row));
                return Err(DataError::format(path, found, "a label"));
            }
        }
    }
    Ok(words)
}

impl Reader for CsvReader {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn read(&mut self, most: usize) -> Result<Option<Chunk>, DataError> {
        let width = self.layout.inputs;
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..most {
            let Some(row) = self.lines.next()? else {
                break;
            };
            for input in &self.columns.inputs {
                values.push(self.value(&row, input)?);
            }
            if let Some(column) = self.columns.label {
                labels.push(self.label_of(&row, column)?);
            }
        }
        if values.is_empty() {
            return Ok(None);
        }
        let samples = match self.config.pixels {
            true => Samples::Bytes {
                width,
                values: values.iter().map(|&value| value as u8).collect(),
            },
            false => Samples::Doubles { width, values },
        };
        Ok(Some(Chunk { samples, labels }))
    }
}
