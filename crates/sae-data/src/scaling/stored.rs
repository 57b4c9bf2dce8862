//! Scaling of rows that are not in memory.

use std::ops::Range;
use std::sync::Arc;

use super::Scaling;
use crate::{DataError, Inputs, Samples, Store, Stored};

impl Scaling {
    /// Rows scaled: now where they are in memory, or as they are read.
    ///
    /// # Panics
    ///
    /// As [`Scaling::apply`].
    pub fn apply_to(&self, inputs: &Inputs<'_>) -> Inputs<'static> {
        match inputs {
            Inputs::Memory(samples) => self.apply(samples).into(),
            Inputs::Stored(Stored { store, limit }) => Inputs::Stored(Stored {
                store: Arc::new(Scaled {
                    store: store.clone(),
                    scaling: self.clone(),
                }),
                limit: *limit,
            }),
        }
    }
}

/// A store's rows, scaled as they are read.
#[derive(Debug)]
struct Scaled {
    store: Arc<dyn Store>,
    scaling: Scaling,
}

impl Store for Scaled {
    fn width(&self) -> usize {
        self.scaling.outputs()
    }

    fn rows(&self) -> usize {
        self.store.rows()
    }

    fn value_bytes(&self) -> usize {
        size_of::<f32>()
    }

    fn append(&self, rows: Range<usize>, to: &mut Samples) -> Result<(), DataError> {
        to.extend(&self.scaling.apply(&self.store.read(rows)?))
    }
}
