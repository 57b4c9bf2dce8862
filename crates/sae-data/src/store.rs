//! Rows that are kept somewhere and can be read from any place.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use crate::{DataError, Samples};

/// Rows by their number: a file, or what is made of another store's rows on the way.
pub trait Store: Debug + Send + Sync {
    /// Values per row.
    fn width(&self) -> usize;

    /// Number of rows.
    fn rows(&self) -> usize;

    /// Bytes that a value takes in memory: 1 where values are bytes, else 4.
    fn value_bytes(&self) -> usize;

    /// The rows of a range.
    ///
    /// # Errors
    ///
    /// Fails where they cannot be read; refuses what is no finite number.
    fn read(&self, rows: Range<usize>) -> Result<Samples, DataError>;
}

/// Some rows of a store.
#[derive(Debug)]
pub(crate) struct Subset {
    all: Arc<dyn Store>,
    /// Their numbers.
    rows: Vec<usize>,
}

impl Subset {
    pub(crate) fn new(all: Arc<dyn Store>, rows: Vec<usize>) -> Self {
        Self { all, rows }
    }
}

impl Store for Subset {
    fn width(&self) -> usize {
        self.all.width()
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn value_bytes(&self) -> usize {
        self.all.value_bytes()
    }

    fn read(&self, rows: Range<usize>) -> Result<Samples, DataError> {
        read_numbered(&*self.all, &self.rows[rows])
    }
}

/// Rows by their numbers; those that lie beside each other are read at once.
pub(crate) fn read_numbered(store: &dyn Store, numbers: &[usize]) -> Result<Samples, DataError> {
    let mut read = Samples::with_capacity(store.width(), store.value_bytes(), numbers.len());
    for run in numbers.chunk_by(|a, b| a + 1 == *b) {
        read.extend(&store.read(run[0]..run[0] + run.len())?)?;
    }
    Ok(read)
}
