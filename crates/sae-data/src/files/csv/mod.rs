//! Tables as text: a row per line, fields with a delimiter between them (RFC 4180).

mod lines;

use std::collections::HashSet;
use std::path::Path;

use csv::ByteRecord;

use self::lines::{Lines, is_standard_input, line_of};
use super::purpose::Purpose;
use super::table::{Columns, Header, Input, TableConfig, Vocabulary, Words, is_missing, number};
use crate::message::shown;
use crate::rows::{Chunk, Layout, Reader};
use crate::{DataError, memory};

/// A table that is being read.
pub(super) struct CsvReader {
    config: TableConfig,
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
        config: &TableConfig,
        purpose: Purpose<'_>,
    ) -> Result<Self, DataError> {
        let mut lines = Lines::open(path, config)?;
        let names = take_names(&mut lines, config.header)?;
        let columns = Columns::new(path, names, lines.fields());
        let columns = columns.choose(config, purpose, |columns, chosen| {
            words_in(path, config, columns, chosen)
        })?;
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
                let expected = "a number; table.fill_missing says what stands for missing ones";
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
            None if line_of(row) == 1 => refuse(
                "no number",
                "a number, or table.header = \"yes\" where the first line holds names",
            ),
            None => refuse(
                "no number",
                "a number; table.one_hot = true takes words, table.label and table.ignore take a column \
                 out",
            ),
            Some(value) if !(value as f32).is_finite() => {
                refuse("beyond the numbers of f32", "a finite number")
            }
            Some(value) if !self.config.takes(value) => {
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
pub(super) fn read_words(path: &Path, config: &TableConfig) -> Result<Vec<String>, DataError> {
    let mut lines = Lines::open(path, config)?;
    if lines.fields() != 1 {
        let found = format!("has {} columns", lines.fields());
        return Err(DataError::format(path, found, "one column of labels"));
    }
    if config.header == Header::Yes {
        lines.next()?;
    }
    let mut words = Vec::new();
    let most = memory::most_labels();
    while let Some(row) = lines.next()? {
        if words.len() == most {
            return Err(memory::too_many_labels(path, most));
        }
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
        let samples = self.config.samples(width, values);
        Ok(Some(Chunk { samples, labels }))
    }
}

/// The words of some columns, of which columns of numbers have none: reads the file to its end.
fn words_in(
    path: &Path,
    config: &TableConfig,
    columns: &Columns,
    chosen: &[usize],
) -> Result<Words, DataError> {
    let mut found = vec![Vocabulary::default(); chosen.len()];
    if is_standard_input(path) {
        let found = "cannot be read twice, which table.one_hot needs";
        return Err(DataError::format(path, found, "a file"));
    }
    let mut lines = Lines::open(path, config)?;
    take_names(&mut lines, config.header)?;
    while let Some(row) = lines.next()? {
        for (&column, words) in chosen.iter().zip(&mut found) {
            let field = row.get(column).unwrap_or_default().trim_ascii();
            if !is_missing(field) {
                words.add(columns, column, field)?;
            }
        }
    }
    Ok(found.into_iter().map(Vocabulary::words).collect())
}

/// The names in the first line, each once, where there are any.
fn take_names(lines: &mut Lines, header: Header) -> Result<Vec<String>, DataError> {
    let is_row = |first: &ByteRecord| first.iter().any(|field| number(field).is_some());
    let has_names = match header {
        Header::Yes => true,
        Header::No => false,
        Header::Auto => lines.first().is_some_and(|first| !is_row(first)),
    };
    if !has_names {
        return Ok(vec![]);
    }
    let path = lines.path().to_owned();
    let first = lines.next()?.unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    let mut known = HashSet::new();
    for (column, field) in first.iter().enumerate() {
        let refuse = |problem: &str, expected: &str| {
            let found = format!("line 1, column {}: the name {problem}", column + 1);
            Err(DataError::format(&path, found, expected))
        };
        let Ok(name) = std::str::from_utf8(field) else {
            return refuse("is no UTF-8", "text in UTF-8");
        };
        let name = name.trim();
        let expected = "a name of its own for every column (table.header = \"no\" where the first \
                        line is a row)";
        // Without a name a column can be left out, as the row numbers that pandas writes.
        if !name.is_empty() && !known.insert(name) {
            return refuse(&format!("`{name}` is there twice"), expected);
        }
        names.push(name.to_owned());
    }
    Ok(names)
}
