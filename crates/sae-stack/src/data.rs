//! What a pipeline is trained on.

use sae_data::Dataset;

/// The samples of a run.
#[derive(Debug, Clone, Copy)]
pub struct StackData<'a> {
    /// Trained on.
    pub train: &'a Dataset,
    /// Watched during training, never trained on.
    pub validation: Option<&'a Dataset>,
    /// Evaluated on.
    pub test: &'a Dataset,
    /// How many rows the sets have, where others of a [`Group`](sae_train::Group) have the rest of them.
    pub whole: WholeRows,
}

/// The numbers of rows of all sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholeRows {
    /// Training samples.
    pub train: usize,
    /// Validation samples.
    pub validation: usize,
    /// Test samples.
    pub test: usize,
}

impl<'a> StackData<'a> {
    /// Samples that are all here.
    pub fn new(train: &'a Dataset, validation: Option<&'a Dataset>, test: &'a Dataset) -> Self {
        Self {
            whole: WholeRows {
                train: train.rows(),
                validation: validation.map_or(0, Dataset::rows),
                test: test.rows(),
            },
            train,
            validation,
            test,
        }
    }
}
