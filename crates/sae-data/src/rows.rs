//! Rows on their way: what they are, and some of them at a time.

use crate::{DataError, Dataset, ImageShape, Labels, Samples, memory};

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
}

/// Rows that are read at once where nothing asks for more or fewer.
pub const ROWS_AT_ONCE: usize = 1024;

impl Dataset {
    /// All rows of a source in memory. Values in double precision become single precision.
    ///
    /// # Errors
    ///
    /// Refuses a source without rows, or with more than fit in memory; otherwise as
    /// [`Reader::read`].
    pub fn read(reader: &mut dyn Reader, what: &str) -> Result<Self, DataError> {
        let layout = reader.layout().clone();
        let mut samples: Option<Samples> = None;
        let mut labels = Vec::new();
        while let Some(chunk) = reader.read(ROWS_AT_ONCE)? {
            labels.extend(chunk.labels);
            match &mut samples {
                Some(all) => all.extend(&chunk.samples)?,
                None => {
                    check_memory(&layout, &chunk.samples, what)?;
                    samples = Some(chunk.samples.in_single());
                }
            }
        }
        let samples = samples.ok_or_else(|| DataError::Unsuitable {
            found: format!("{what} holds no rows"),
            expected: "at least one".to_owned(),
        })?;
        Ok(Self {
            labels: layout
                .labelled
                .then(|| Labels::named(&labels))
                .transpose()?,
            image: layout.image.unwrap_or(ImageShape::line(layout.inputs)),
            names: layout.names,
            samples,
        })
    }
}

/// Refuses rows of which the source says that there are more than fit in memory.
fn check_memory(layout: &Layout, first: &Samples, what: &str) -> Result<(), DataError> {
    let bytes = match first {
        Samples::Bytes { .. } => 1,
        Samples::Floats { .. } | Samples::Doubles { .. } => size_of::<f32>() as u128,
    };
    let values = layout.rows.unwrap_or(0) as u128 * layout.inputs as u128;
    let available = memory::available();
    if values * bytes <= available {
        return Ok(());
    }
    Err(DataError::Unsuitable {
        found: format!(
            "{what} holds {} rows of {} values, {} in memory",
            layout.rows.unwrap_or(0),
            layout.inputs,
            memory::gibibytes(values * bytes)
        ),
        expected: format!("at most the {} that are free", memory::gibibytes(available)),
    })
}

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
        let labels = self.data.labels.iter();
        let chunk = Chunk {
            samples: self.data.samples.select(&rows),
            labels: labels
                .flat_map(|l| rows.iter().map(|&row| label(l, row)))
                .collect(),
        };
        Ok((!rows.is_empty()).then_some(chunk))
    }
}
