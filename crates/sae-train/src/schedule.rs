//! Learning-rate schedules, as checked settings of Burn's; they step once an epoch.

use burn::optim::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::lr_scheduler::exponential::ExponentialLrSchedulerConfig;
use burn::optim::lr_scheduler::linear::LinearLrSchedulerConfig;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::optim::lr_scheduler::step::StepLrSchedulerConfig;

use crate::TrainError;

/// How the learning rate changes from epoch to epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Schedule {
    /// Not at all.
    #[default]
    Constant,
    /// In a straight line to `last` at the last epoch.
    Linear {
        /// Learning rate of the last epoch.
        last: f64,
    },
    /// Along half a cosine to `last` at the last epoch (Loshchilov and Hutter 2017), without
    /// restarts.
    Cosine {
        /// Learning rate of the last epoch.
        last: f64,
    },
    /// Times `factor` every epoch.
    Exponential {
        /// In (0, 1).
        factor: f64,
    },
    /// Times `factor` every `every` epochs.
    Step {
        /// In (0, 1).
        factor: f64,
        /// Number of epochs.
        every: usize,
    },
}

impl Schedule {
    /// Checks the settings for training of `epochs` epochs from `learning_rate` on.
    ///
    /// # Errors
    ///
    /// Passes on what Burn's scheduler refuses.
    pub fn check(&self, learning_rate: f64, epochs: usize) -> Result<(), TrainError> {
        self.init(learning_rate, epochs).map(|_| ())
    }

    pub(crate) fn init(&self, learning_rate: f64, epochs: usize) -> Result<Rates, TrainError> {
        let refused = |_: String| TrainError::Setting {
            name: "schedule",
            found: format!("{self:?} from learning_rate {learning_rate}"),
            expected: "learning rates in (0, 1], factors in (0, 1) and at least 1 epoch",
        };
        // Burn's schedulers give their first rate, then take this many steps to the last.
        let steps = epochs.saturating_sub(1).max(1);
        Ok(match *self {
            Self::Constant => Rates::Constant(learning_rate),
            Self::Linear { last } => Rates::Scheduled(
                LinearLrSchedulerConfig::new(learning_rate, last, steps)
                    .init()
                    .map_err(refused)?,
            ),
            Self::Cosine { last } => Rates::Scheduled(
                CosineAnnealingLrSchedulerConfig::new(learning_rate, steps)
                    .with_min_lr(last)
                    .init()
                    .map_err(refused)?,
            ),
            Self::Exponential { factor } => Rates::Scheduled(
                ExponentialLrSchedulerConfig::new(learning_rate, factor)
                    .init()
                    .map_err(refused)?,
            ),
            Self::Step { factor, every } => Rates::Scheduled(
                StepLrSchedulerConfig::new(learning_rate, every)
                    .with_gamma(factor)
                    .init()
                    .map_err(refused)?,
            ),
        })
    }
}

/// The learning rates of an epoch after the other.
pub(crate) enum Rates {
    Constant(f64),
    Scheduled(ModuleLrScheduler),
}

impl Rates {
    pub(crate) fn next(&mut self) -> f64 {
        match self {
            Self::Constant(rate) => *rate,
            Self::Scheduled(scheduler) => scheduler.step().base(),
        }
    }
}
