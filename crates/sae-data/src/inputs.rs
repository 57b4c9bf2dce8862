//! The rows of a data set, wherever they are.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::ahead::read_ahead;
use crate::store::{Mapped, Store, Subset, append_numbered};
use crate::{DataError, Samples, memory};

/// Rows of equal width, in memory or in a store that holds more than is to be in memory at once.
#[derive(Debug, Clone)]
pub enum Inputs<'a> {
    /// In memory.
    Memory(Cow<'a, Samples>),
    /// Elsewhere.
    Stored(Stored),
}

/// A store with the memory that may be used to read it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The rows.
    pub store: Arc<dyn Store>,
    /// Bytes that the rows in memory may take: the key `memory_limit`.
    pub limit: usize,
}

impl Stored {
    /// The most rows that take a share 1 / `parts` of the memory limit, at least one.
    pub fn rows_within(&self, parts: usize) -> usize {
        let row = (self.store.width() * self.store.value_bytes()).max(1);
        (self.limit / parts / row).max(1)
    }

    /// What `map` makes of the rows, as they are read: rows of `width` numbers.
    pub fn mapped(
        &self,
        width: usize,
        map: impl Fn(&Samples) -> Result<Samples, DataError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            store: Arc::new(Mapped::new(self.store.clone(), width, map)),
            limit: self.limit,
        }
    }
}

/// Shares of the memory limit for rows that are read one after the other: some are worked on, some
/// wait, and some are being read.
const PARTS_IN_ORDER: usize = 32;

impl<'a> Inputs<'a> {
    /// Values per row.
    pub fn width(&self) -> usize {
        match self {
            Self::Memory(samples) => samples.width(),
            Self::Stored(stored) => stored.store.width(),
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Memory(samples) => samples.rows(),
            Self::Stored(stored) => stored.store.rows(),
        }
    }

    /// The same rows, for a shorter time.
    pub fn borrowed(&self) -> Inputs<'_> {
        match self {
            Self::Memory(samples) => Inputs::Memory(Cow::Borrowed(samples)),
            Self::Stored(stored) => Inputs::Stored(stored.clone()),
        }
    }

    /// All rows in memory.
    ///
    /// # Errors
    ///
    /// Refuses more than fit; fails where rows cannot be read.
    pub fn all(&self) -> Result<Cow<'_, Samples>, DataError> {
        let stored = match self {
            Self::Memory(samples) => return Ok(Cow::Borrowed(samples)),
            Self::Stored(stored) => &stored.store,
        };
        let bytes = stored.rows() as u128 * stored.width() as u128 * stored.value_bytes() as u128;
        let available = memory::available();
        if bytes > available {
            return Err(DataError::Unsuitable {
                found: format!(
                    "{} rows of {} values take {}",
                    stored.rows(),
                    stored.width(),
                    memory::gibibytes(bytes)
                ),
                expected: format!("at most the {} that are free", memory::gibibytes(available)),
            });
        }
        Ok(Cow::Owned(stored.read(0..stored.rows())?))
    }

    /// The rows of the given numbers, in their order, in memory.
    ///
    /// # Errors
    ///
    /// Fails where they cannot be read.
    ///
    /// # Panics
    ///
    /// Panics if a row does not exist.
    pub fn gather(&self, rows: &[usize]) -> Result<Samples, DataError> {
        match self {
            Self::Memory(samples) => Ok(samples.select(rows)),
            Self::Stored(Stored { store, .. }) => {
                let (width, bytes) = (store.width(), store.value_bytes());
                let mut read = Samples::with_capacity(width, bytes, rows.len());
                append_numbered(&**store, rows, &mut read)?;
                Ok(read)
            }
        }
    }

    /// A data set's rows of the given numbers, where they are.
    ///
    /// # Panics
    ///
    /// Panics if a row does not exist.
    pub fn select(&self, rows: &[usize]) -> Inputs<'static> {
        match self {
            Self::Memory(samples) => samples.select(rows).into(),
            Self::Stored(Stored { store, limit }) => Inputs::Stored(Stored {
                store: Arc::new(Subset::new(store.clone(), rows.to_vec())),
                limit: *limit,
            }),
        }
    }

    /// The least and the largest value; (0, 0) without any.
    ///
    /// # Errors
    ///
    /// Fails where rows cannot be read.
    pub fn range(&self) -> Result<(f64, f64), DataError> {
        let mut range: Option<(f64, f64)> = None;
        self.for_parts(usize::MAX, |_, samples, _| {
            let (low, high) = samples.range();
            let so_far = range.unwrap_or((low, high));
            range = Some((so_far.0.min(low), so_far.1.max(high)));
            Ok::<(), DataError>(())
        })?;
        Ok(range.unwrap_or((0.0, 0.0)))
    }

    /// Calls `visit` with all rows in their order, up to `most` at a time: the number of the first, and
    /// a range of a table. Rows of a store are read on another thread meanwhile.
    ///
    /// # Errors
    ///
    /// As `visit`; fails where rows cannot be read.
    pub fn for_parts<E: From<DataError>>(
        &self,
        most: usize,
        visit: impl FnMut(usize, &Samples, Range<usize>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.for_parts_of(0..self.rows(), most, visit)
    }

    /// As [`Inputs::for_parts`], with some of the rows.
    ///
    /// # Errors
    ///
    /// As [`Inputs::for_parts`].
    ///
    /// # Panics
    ///
    /// Panics if a row does not exist.
    pub fn for_parts_of<E: From<DataError>>(
        &self,
        rows: Range<usize>,
        most: usize,
        mut visit: impl FnMut(usize, &Samples, Range<usize>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Memory(samples) => {
                for part in parts(rows, most) {
                    visit(part.start, samples, part)?;
                }
                Ok(())
            }
            Self::Stored(stored) => {
                let most = most.min(stored.rows_within(PARTS_IN_ORDER));
                let mut parts = parts(rows, most);
                let mut next = || {
                    let part = parts.next();
                    part.map(|part| Ok((part.start, stored.store.read(part)?)))
                        .transpose()
                };
                read_ahead(0, &mut next, |(first, samples)| {
                    visit(first, &samples, 0..samples.rows())
                })
            }
        }
    }
}

/// Rows in parts of up to `most`.
fn parts(rows: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let (end, most) = (rows.end, most.clamp(1, rows.len().max(1)));
    rows.step_by(most)
        .map(move |first| first..end.min(first + most))
}

impl PartialEq for Inputs<'_> {
    /// Equal rows in memory, or one and the same store.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Memory(own), Self::Memory(other)) => own == other,
            (Self::Stored(own), Self::Stored(other)) => Arc::ptr_eq(&own.store, &other.store),
            _ => false,
        }
    }
}

impl From<Samples> for Inputs<'static> {
    fn from(samples: Samples) -> Self {
        Self::Memory(Cow::Owned(samples))
    }
}

impl<'a> From<&'a Samples> for Inputs<'a> {
    fn from(samples: &'a Samples) -> Self {
        Self::Memory(Cow::Borrowed(samples))
    }
}

impl<'a> From<&'a Inputs<'_>> for Inputs<'a> {
    fn from(inputs: &'a Inputs<'_>) -> Self {
        inputs.borrowed()
    }
}
