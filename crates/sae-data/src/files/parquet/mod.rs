//! Tables in Parquet files, read some rows at a time.

mod cells;
mod guard;
mod lengths;
mod pages;
mod source;

use std::fs::File;
use std::path::{Path, PathBuf};

use ::parquet::errors::ParquetError;
use ::parquet::file::reader::FileReader;
use ::parquet::file::serialized_reader::SerializedFileReader;

use self::cells::{Cells, Kind, OpenColumn};
use self::guard::guarded;
use self::pages::open_column;
use self::source::Source;
use super::purpose::Purpose;
use super::table::{Columns, Input, TableConfig, Vocabulary, Words};
use crate::DataError;
use crate::message::shown;
use crate::rows::{Chunk, Layout, ROWS_AT_ONCE, Reader};

/// A table that is being read.
pub(super) struct ParquetReader {
    path: PathBuf,
    file: SerializedFileReader<Source>,
    config: TableConfig,
    columns: Columns,
    kinds: Vec<Kind>,
    layout: Layout,
    /// The group of rows that comes next, and the columns of the one that is being read, with the number
    /// of its rows that are left.
    group: usize,
    open: Vec<OpenColumn>,
    left: usize,
    /// Rows that were read.
    row: usize,
}

impl ParquetReader {
    /// Opens a table.
    ///
    /// # Errors
    ///
    /// Refuses what is no Parquet file, has columns that are no numbers and that the settings do not take
    /// as words, or lacks a column that the settings name.
    pub(super) fn open(
        path: &Path,
        config: &TableConfig,
        purpose: Purpose<'_>,
    ) -> Result<Self, DataError> {
        let opened = File::open(path).map_err(|source| DataError::unreadable(path, source))?;
        let file = guarded(|| SerializedFileReader::new(Source::new(opened)));
        let file = file.map_err(|error| damaged(path, &error))?;
        let about = file.metadata().file_metadata();
        let schema = about.schema_descr();
        let names: Vec<String> = schema
            .columns()
            .iter()
            .map(|column| column.path().string())
            .collect();
        let kinds: Vec<Kind> = schema.columns().iter().map(|c| Kind::of(c)).collect();
        let rows = usize::try_from(about.num_rows()).map_err(|_| {
            let found = format!("announces {} rows", about.num_rows());
            DataError::format(path, found, "a number of rows")
        })?;
        let count = names.len();
        let columns = Columns::new(path, names, count);
        let columns = columns.choose(config, purpose, |columns, chosen| {
            words_in(path, &file, &kinds, columns, chosen)
        })?;
        for Input { column, word } in &columns.inputs {
            if let Some((found, expected)) = kinds[*column].problem(word.is_some()) {
                let found = format!("{} {found}", columns.name(*column));
                return Err(DataError::format(path, found, expected));
            }
        }
        let layout = Layout {
            names: columns.input_names(),
            rows: Some(rows),
            labelled: columns.label.is_some(),
            ..Layout::table(columns.inputs.len())
        };
        Ok(Self {
            path: path.to_owned(),
            file,
            config: config.clone(),
            columns,
            kinds,
            layout,
            group: 0,
            open: vec![],
            left: 0,
            row: 0,
        })
    }

    /// The columns that are inputs or the label, each once.
    fn wanted(&self) -> Vec<usize> {
        let inputs = self.columns.inputs.iter().map(|input| input.column);
        let mut wanted: Vec<usize> = inputs.chain(self.columns.label).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// Opens the next group that has rows; false after the last.
    fn open_group(&mut self) -> Result<bool, DataError> {
        while self.left == 0 {
            if self.group == self.file.num_row_groups() {
                return Ok(false);
            }
            let (rows, open) = open_group(
                &self.path,
                &self.file,
                self.group,
                &self.kinds,
                &self.wanted(),
            )?;
            (self.left, self.open) = (rows, open);
            self.group += 1;
        }
        Ok(true)
    }

    /// The value of an input in a row.
    fn value(&self, cells: &Cells, row: usize, input: &Input) -> Result<f64, DataError> {
        let refuse = |found: String, expected: &str| {
            let name = self.columns.name(input.column);
            let found = format!("row {}, {name}: {found}", self.row + row + 1);
            DataError::format(&self.path, found, expected)
        };
        let number = match (cells, &input.word) {
            (Cells::Numbers(numbers), None) => numbers[row].filter(|number| !number.is_nan()),
            (Cells::Words(words), Some(word)) => words[row]
                .as_ref()
                .map(|found| f64::from(u8::from(found == word))),
            // A column of words that the model has as numbers, or the reverse.
            (Cells::Words(_), None) => return Err(refuse("holds words".into(), "numbers")),
            (Cells::Numbers(_), Some(_)) => return Err(refuse("holds numbers".into(), "words")),
        };
        let Some(value) = number.or(self.config.fill_missing) else {
            let expected = "a number; table.fill_missing says what stands for missing ones";
            return Err(refuse("the value is missing".to_owned(), expected));
        };
        if value.is_infinite() || (value.is_finite() && !(value as f32).is_finite()) {
            let found = format!("{value:e} is beyond the numbers of f32");
            return Err(refuse(found, "a finite number"));
        }
        if !self.config.takes(value) {
            let found = format!("{value} is no pixel");
            return Err(refuse(found, "a whole number from 0 to 255"));
        }
        Ok(value)
    }

    fn label(&self, cells: &Cells, row: usize, column: usize) -> Result<String, DataError> {
        let label = match cells {
            Cells::Numbers(numbers) => numbers[row].and_then(whole).map(|v| v.to_string()),
            Cells::Words(words) => words[row]
                .clone()
                .and_then(|word| String::from_utf8(word).ok()),
        };
        label.ok_or_else(|| {
            let name = self.columns.name(column);
            let found = format!(
                "row {}, {name}: the label is missing, or no word",
                self.row + row + 1
            );
            DataError::format(&self.path, found, "words in UTF-8 or whole numbers")
        })
    }
}

/// A whole number that `f64` holds exactly.
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

/// The columns `wanted` of a group, with the number of its rows.
fn open_group(
    path: &Path,
    file: &SerializedFileReader<Source>,
    group: usize,
    kinds: &[Kind],
    wanted: &[usize],
) -> Result<(usize, Vec<OpenColumn>), DataError> {
    let open = guarded(|| {
        let group = file.get_row_group(group)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let open = wanted.iter().map(|&column| {
            let reader = open_column(&*group, column)?;
            Ok(OpenColumn::new(column, kinds[column], reader))
        });
        Ok((rows, open.collect::<Result<_, ParquetError>>()?))
    });
    open.map_err(|error| damaged(path, &error))
}

/// The words of some columns, of which columns of numbers have none: reads those of words to their end.
fn words_in(
    path: &Path,
    file: &SerializedFileReader<Source>,
    kinds: &[Kind],
    columns: &Columns,
    chosen: &[usize],
) -> Result<Words, DataError> {
    let mut found = vec![Vocabulary::default(); chosen.len()];
    let of_words = |place: &usize| matches!(kinds[chosen[*place]], Kind::Words);
    let places: Vec<usize> = (0..chosen.len()).filter(of_words).collect();
    let wanted: Vec<usize> = places.iter().map(|&place| chosen[place]).collect();
    for group in 0..file.num_row_groups() {
        let (rows, mut open) = open_group(path, file, group, kinds, &wanted)?;
        for (column, &place) in open.iter_mut().zip(&places) {
            let mut left = rows;
            while left > 0 {
                let count = left.min(ROWS_AT_ONCE);
                let cells = guarded(|| column.read(count)).map_err(|e| damaged(path, &e))?;
                if let Cells::Words(words) = cells {
                    for word in words.into_iter().flatten() {
                        found[place].add(columns, chosen[place], &word)?;
                    }
                }
                left -= count;
            }
        }
    }
    Ok(found.into_iter().map(Vocabulary::words).collect())
}

impl Reader for ParquetReader {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn read(&mut self, most: usize) -> Result<Option<Chunk>, DataError> {
        if most == 0 || !self.open_group()? {
            return Ok(None);
        }
        let count = most.min(self.left);
        let mut cells: Vec<Option<Cells>> = Vec::new();
        for column in &mut self.open {
            let read = guarded(|| column.read(count)).map_err(|e| damaged(&self.path, &e))?;
            cells.resize_with(cells.len().max(column.number + 1), || None);
            cells[column.number] = Some(read);
        }
        let of = |column: usize| {
            let found = cells.get(column).and_then(Option::as_ref);
            found.ok_or_else(|| {
                let found = format!("{} was not opened", self.columns.name(column));
                DataError::format(&self.path, found, "a column that is read")
            })
        };
        let width = self.layout.inputs;
        let mut values = vec![0.0; count * width];
        for (place, input) in self.columns.inputs.iter().enumerate() {
            let cells = of(input.column)?;
            for row in 0..count {
                values[row * width + place] = self.value(cells, row, input)?;
            }
        }
        let mut labels = Vec::new();
        if let Some(column) = self.columns.label {
            let cells = of(column)?;
            for row in 0..count {
                labels.push(self.label(cells, row, column)?);
            }
        }
        self.left -= count;
        self.row += count;
        let samples = self.config.samples(width, values);
        Ok(Some(Chunk { samples, labels }))
    }
}

fn damaged(path: &Path, error: &ParquetError) -> DataError {
    let found = format!(
        "is no Parquet file, or damaged: {}",
        shown(&error.to_string())
    );
    DataError::format(path, found, "a Parquet file")
}
