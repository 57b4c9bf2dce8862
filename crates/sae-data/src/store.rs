//! Rows that are kept somewhere and can be read from any place.

use std::fmt::{self, Debug};
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

    /// Puts the rows of a range behind others.
    ///
    /// # Errors
    ///
    /// Fails where they cannot be read; refuses what is no finite number.
    fn append(&self, rows: Range<usize>, to: &mut Samples) -> Result<(), DataError>;

    /// The rows of a range.
    ///
    /// # Errors
    ///
    /// As [`Store::append`].
    fn read(&self, rows: Range<usize>) -> Result<Samples, DataError> {
        let mut read = Samples::with_capacity(self.width(), self.value_bytes(), rows.len());
        self.append(rows, &mut read)?;
        Ok(read)
    }
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

    fn append(&self, rows: Range<usize>, to: &mut Samples) -> Result<(), DataError> {
        append_numbered(&*self.all, &self.rows[rows], to)
    }
}

/// What is made of the rows of a store, as they are read.
pub(crate) struct Mapped<F> {
    store: Arc<dyn Store>,
    width: usize,
    map: F,
}

impl<F: Fn(&Samples) -> Result<Samples, DataError>> Mapped<F> {
    pub(crate) fn new(store: Arc<dyn Store>, width: usize, map: F) -> Self {
        Self { store, width, map }
    }
}

impl<F> Debug for Mapped<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped")
            .field("store", &self.store)
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

impl<F: Fn(&Samples) -> Result<Samples, DataError> + Send + Sync> Store for Mapped<F> {
    fn width(&self) -> usize {
        self.width
    }

    fn rows(&self) -> usize {
        self.store.rows()
    }

    fn value_bytes(&self) -> usize {
        size_of::<f32>()
    }

    fn append(&self, rows: Range<usize>, to: &mut Samples) -> Result<(), DataError> {
        to.extend(&(self.map)(&self.store.read(rows)?)?)
    }
}

/// Puts rows of the given numbers behind others; those that lie beside each other are read at once.
pub(crate) fn append_numbered(
    store: &dyn Store,
    numbers: &[usize],
    to: &mut Samples,
) -> Result<(), DataError> {
    let mut runs = numbers.chunk_by(|a, b| a + 1 == *b);
    runs.try_for_each(|run| store.append(run[0]..run[0] + run.len(), to))
}
