//! How a model is trained.

use sae_model::GradientRule;

use crate::optimiser::positive;
use crate::{Optimiser, TrainError};

/// How many samples make one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    /// All samples at once, in their own order.
    Full,
    /// This many, in an order that is shuffled every epoch; the last batch may be smaller.
    Rows(usize),
}

/// When the objective has stopped moving.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Convergence {
    /// Largest relative change |J_t − J_(t−1)| / |J_(t−1)| that counts as standing still.
    pub tolerance: f64,
    /// For how many epochs in a row J must stand still.
    pub epochs: usize,
}

/// Settings of one call of [`fit()`](crate::fit()).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    /// How gradients are computed.
    pub rule: GradientRule,
    /// What is done with them.
    pub optimiser: Optimiser,
    /// Samples per step.
    pub batch: BatchSize,
    /// The most passes over the data.
    pub epochs: usize,
    /// Stops earlier, where set.
    pub convergence: Option<Convergence>,
}

impl Training {
    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// Refuses zero epochs or rows, and a tolerance that is not finite and positive; see also
    /// [`Optimiser::check`].
    pub fn check(&self) -> Result<(), TrainError> {
        self.optimiser.check()?;
        at_least_one("epochs", self.epochs)?;
        if let BatchSize::Rows(rows) = self.batch {
            at_least_one("batch", rows)?;
        }
        if let Some(convergence) = self.convergence {
            positive("tolerance", convergence.tolerance)?;
            at_least_one("patience", convergence.epochs)?;
        }
        Ok(())
    }
}

fn at_least_one(name: &'static str, value: usize) -> Result<(), TrainError> {
    if value > 0 {
        return Ok(());
    }
    Err(TrainError::Setting {
        name,
        found: value.to_string(),
        expected: "at least 1",
    })
}
