//! How a model is trained.

use sae_model::GradientRule;

use crate::optimiser::{at_least_one, positive};
use crate::{Optimiser, RhoHat, Schedule, TrainError};

/// How many samples make one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    /// All samples at once, in their own order, processed in chunks of bounded memory.
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

/// When training ends before its last epoch. Rules that are not set never end it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StopRules {
    /// J stands still.
    pub convergence: Option<Convergence>,
    /// The Euclidean norm of the full gradient is at or below this. Needs the full batch.
    pub gradient_norm: Option<f64>,
    /// J on the validation samples has not fallen for this many epochs. The model of the best epoch
    /// is then what training gives.
    pub validation_patience: Option<usize>,
}

/// Settings of one call of [`fit()`](crate::fit()).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Training {
    /// How gradients are computed.
    pub rule: GradientRule,
    /// What is done with them.
    pub optimiser: Optimiser,
    /// Learning rate η of the first epoch.
    pub learning_rate: f64,
    /// How η changes from epoch to epoch.
    pub schedule: Schedule,
    /// Samples per step.
    pub batch: BatchSize,
    /// Which ρ̂ a minibatch uses.
    pub rho_hat: RhoHat,
    /// The most passes over the data; of L-BFGS and conjugate gradients the most iterations.
    pub epochs: usize,
    /// What ends training earlier.
    pub stop: StopRules,
    /// The number of threads of the fused kernels, which the delta rule then uses wherever they
    /// cover a model and its settings; nothing for Burn's operations always, as on a GPU.
    pub fused: Option<usize>,
}

impl Training {
    /// Checks every setting, and that they go together.
    ///
    /// # Errors
    ///
    /// Names the first setting that is outside its range or cannot be combined with another.
    pub fn check(&self) -> Result<(), TrainError> {
        positive("learning_rate", self.learning_rate)?;
        self.optimiser.check()?;
        self.schedule.check(self.learning_rate, self.epochs)?;
        self.rho_hat.check()?;
        at_least_one("epochs", self.epochs)?;
        if let Some(convergence) = self.stop.convergence {
            positive("tolerance", convergence.tolerance)?;
            at_least_one("patience", convergence.epochs)?;
        }
        if let Some(norm) = self.stop.gradient_norm {
            positive("gradient_tolerance", norm)?;
        }
        match self.batch {
            BatchSize::Full => self.check_full(),
            BatchSize::Rows(rows) => self.check_minibatch(rows),
        }
    }

    fn check_full(&self) -> Result<(), TrainError> {
        if self.rho_hat != RhoHat::Batch {
            return refuse(
                "rho_hat",
                "an estimate with the full batch",
                "\"batch\": over the full batch rho_hat is exact",
            );
        }
        if self.optimiser.searches_lines() && self.schedule != Schedule::Constant {
            return refuse(
                "schedule",
                "a changing learning rate with a line search",
                "\"constant\": lbfgs and cg find their own steps",
            );
        }
        Ok(())
    }

    fn check_minibatch(&self, rows: usize) -> Result<(), TrainError> {
        at_least_one("batch", rows)?;
        if self.optimiser.searches_lines() {
            return refuse(
                "batch",
                &format!("{rows} with a line search"),
                "\"full\": lbfgs and cg compare values of one objective, and every minibatch is another",
            );
        }
        if self.stop.gradient_norm.is_some() {
            return refuse(
                "gradient_tolerance",
                &format!("set with batch = {rows}"),
                "batch = \"full\" with it: the gradient of a minibatch does not tend to 0",
            );
        }
        Ok(())
    }
}

pub(crate) fn refuse(
    name: &'static str,
    found: &str,
    expected: &'static str,
) -> Result<(), TrainError> {
    Err(TrainError::Setting {
        name,
        found: found.to_owned(),
        expected,
    })
}
