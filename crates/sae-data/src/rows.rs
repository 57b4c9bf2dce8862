//! Rows on their way: what they are, and some of them at a time.

use std::sync::Arc;

use crate::{DataError, Dataset, ImageShape, Labels, Samples, Store};

/// What the rows of a source are.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Number of inputs.
    pub inputs: usize,
    /// The names of the inputs; none where the source has none.
    pub names: Vec<String>,
    /// The image that a row is; nothing for tables.
    pub image: Option<ImageShape>,
    /// Number of rows, where the source says so before it is read.
    pub rows: Option<usize>,
    /// Whether every row has a label.
    pub labelled: bool,
}

impl Layout {
    /// A table of `inputs` columns without names.
    pub fn table(inputs: usize) -> Self {
        Self {
            inputs,
            names: vec![],
            image: None,
            rows: None,
            labelled: false,
        }
    }

    /// What an input is called in messages; inputs are counted from 0.
    pub fn name(&self, input: usize) -> String {
        match self.names.get(input) {
            Some(name) => format!("`{name}`"),
            None => format!("input {input} (counted from 0)"),
        }
    }
}

/// Neighbouring rows of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// The rows, at least one.
    pub samples: Samples,
    /// Their labels; none where the source has none.
    pub labels: Vec<String>,
}

/// A source of rows, which is read from its first row to its last.
pub trait Reader: Send {
    /// What the rows are.
    fn layout(&self) -> &Layout;

    /// The next rows, at most `most` of them and at least one; nothing after the last.
    ///
    /// # Errors
    ///
    /// Refuses what is damaged or no finite number, by its place.
    fn read(&mut self, most: usize) -> Result<Option<Chunk>, DataError>;

    /// The labels of all rows, and the rows by their numbers; nothing where the source can only be read
    /// from its first row to its last.
    fn store(&self) -> Option<(Arc<dyn Store>, Vec<String>)> {
        None
    }
}

/// Rows that are read at once where nothing asks for more or fewer.
pub const ROWS_AT_ONCE: usize = 1024;

/// Rows that are in memory already.
pub struct MemoryReader {
    layout: Layout,
    data: Dataset,
    next: usize,
}

impl MemoryReader {
    /// The rows of a data set.
    pub fn new(data: Dataset) -> Self {
        let inputs = data.samples.width();
        let is_table = data.image == ImageShape::line(inputs);
        let layout = Layout {
            names: data.names.clone(),
            image: (!is_table).then_some(data.image),
            rows: Some(data.rows()),
            labelled: data.labels.is_some(),
            ..Layout::table(inputs)
        };
        Self {
            layout,
            data,
            next: 0,
        }
    }
}

impl Reader for MemoryReader {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn read(&mut self, most: usize) -> Result<Option<Chunk>, DataError> {
        let end = self.data.rows().min(self.next.saturating_add(most));
        let rows: Vec<usize> = (self.next..end).collect();
        self.next = end;
        let label =
            |labels: &Labels, row: usize| labels.classes[labels.values[row] as usize].clone();
        if rows.is_empty() {
            return Ok(None);
        }
        let labels = self.data.labels.iter();
        let chunk = Chunk {
            samples: self.data.samples.gather(&rows)?,
            labels: labels
                .flat_map(|l| rows.iter().map(|&row| label(l, row)))
                .collect(),
        };
        Ok(Some(chunk))
    }
}
