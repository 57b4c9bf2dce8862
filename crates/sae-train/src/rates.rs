//! Learning rates from epoch to epoch, by Burn's schedulers.

use burn::optim::lr_scheduler::cosine::CosineAnnealingLrSchedulerConfig;
use burn::optim::lr_scheduler::exponential::ExponentialLrSchedulerConfig;
use burn::optim::lr_scheduler::linear::LinearLrSchedulerConfig;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrScheduler;
use burn::optim::lr_scheduler::step::StepLrSchedulerConfig;
use sae_kernels::Setting;

use crate::{Schedule, Training};

/// The learning rates of one epoch after the other.
pub(crate) enum Rates {
    Constant(f64),
    Scheduled(ModuleLrScheduler),
}

impl Rates {
    /// The rates that follow the first `epochs` epochs.
    ///
    /// # Errors
    ///
    /// Refuses what Burn's scheduler refuses.
    pub(crate) fn new(training: &Training, epochs: usize) -> Result<Self, Setting> {
        let (first, last) = (training.learning_rate, training.schedule_last);
        let factor = training.schedule_factor;
        // Burn's schedulers give their first rate, then take this many steps to the last.
        let steps = training.epochs.saturating_sub(1).max(1);
        let scheduler = match training.schedule {
            Schedule::Constant => return Ok(Self::Constant(first)),
            Schedule::Linear => LinearLrSchedulerConfig::new(first, last, steps).init(),
            Schedule::Cosine => CosineAnnealingLrSchedulerConfig::new(first, steps)
                .with_min_lr(last)
                .init(),
            Schedule::Exponential => ExponentialLrSchedulerConfig::new(first, factor).init(),
            Schedule::Step => StepLrSchedulerConfig::new(first, training.schedule_every)
                .with_gamma(factor)
                .init(),
        };
        let mut rates = Self::Scheduled(scheduler.map_err(|_| {
            Setting::new(
                "learning_rate",
                format!("{first} with a schedule to {last}"),
                "with a schedule a rate in (0, 1], and schedule_last at most as large",
            )
        })?);
        (0..epochs).for_each(|_| {
            rates.next();
        });
        Ok(rates)
    }

    /// The rate of the next epoch.
    pub(crate) fn next(&mut self) -> f64 {
        match self {
            Self::Constant(rate) => *rate,
            Self::Scheduled(scheduler) => scheduler.step().base(),
        }
    }
}
