//! Some rows of a table.

use std::borrow::Cow;
use std::ops::Range;

use sae_data::Samples;

/// Some rows of a table, which stay where they are.
#[derive(Debug, Clone)]
pub(crate) struct Part<'a> {
    pub samples: &'a Samples,
    pub rows: Range<usize>,
}

impl<'a> Part<'a> {
    /// All rows.
    pub(crate) fn all(samples: &'a Samples) -> Self {
        Self {
            samples,
            rows: 0..samples.rows(),
        }
    }

    /// The numbers of the rows in their table.
    pub(crate) fn numbers(&self) -> Vec<usize> {
        self.rows.clone().collect()
    }

    /// The rows as a table of their own.
    pub(crate) fn table(&self) -> Cow<'a, Samples> {
        match self.rows.len() == self.samples.rows() {
            true => Cow::Borrowed(self.samples),
            false => Cow::Owned(self.samples.select(&self.numbers())),
        }
    }
}
