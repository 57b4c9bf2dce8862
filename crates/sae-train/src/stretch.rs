//! The same training on fewer samples.

use crate::{BatchSize, Schedule, Training};

impl Training {
    /// The same training where there are `rows` samples instead of `all`: it takes as many steps, with
    /// the same learning rate at each, and waits for as many before a rule ends it. What is counted in
    /// epochs grows by the ratio of the steps that an epoch has, and a minibatch is at most `rows`.
    ///
    /// With the full batch an epoch is a step, whatever the number of samples.
    ///
    /// ```
    /// use sae_train::{BatchSize, Training};
    ///
    /// let training = Training { batch: BatchSize::Rows(100), epochs: 30, ..Training::default() };
    /// let stretched = training.stretched(40, 1000);
    /// assert_eq!((stretched.batch, stretched.epochs), (BatchSize::Rows(40), 300));
    /// ```
    #[must_use]
    pub fn stretched(&self, rows: usize, all: usize) -> Self {
        let BatchSize::Rows(batch) = self.batch else {
            return *self;
        };
        let steps = |rows: usize| rows.div_ceil(batch).max(1);
        let (own, before) = (steps(rows), steps(all));
        let stretch = |epochs: usize| epochs.saturating_mul(before).div_ceil(own);
        let ratio = before as f64 / own as f64;
        Self {
            batch: BatchSize::Rows(batch.min(rows.max(1))),
            epochs: stretch(self.epochs),
            patience: stretch(self.patience),
            validation_patience: stretch(self.validation_patience),
            tolerance: self.tolerance / ratio,
            schedule_every: stretch(self.schedule_every),
            schedule_factor: match self.schedule {
                Schedule::Exponential => self.schedule_factor.powf(ratio.recip()),
                _ => self.schedule_factor,
            },
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rates::Rates;

    /// 1000 rows in batches of 64 are 16 steps, 40 rows are one: after 16 epochs of the few, the rate
    /// is that after one epoch of all.
    #[test]
    fn rates_fall_by_steps() {
        for schedule in [
            Schedule::Constant,
            Schedule::Linear,
            Schedule::Cosine,
            Schedule::Exponential,
            Schedule::Step,
        ] {
            let training = Training {
                schedule,
                schedule_every: 2,
                learning_rate: 0.1,
                epochs: 50,
                batch: BatchSize::Rows(64),
                ..Training::default()
            };
            let few = training.stretched(40, 1000);
            assert_eq!((few.epochs, few.schedule_every), (50 * 16, 2 * 16));
            for epochs in [0, 2, 10, 48] {
                let rate = |training: &Training, epochs| {
                    Rates::new(training, epochs).map(|mut rates| rates.next())
                };
                let (own, other) = (rate(&few, 16 * epochs), rate(&training, epochs));
                let (own, other) = (own.expect("in range"), other.expect("in range"));
                assert!(
                    (own - other).abs() < 0.021 * 0.1,
                    "{schedule:?} after {epochs} epochs: {own} and {other}"
                );
            }
        }
    }

    #[test]
    fn as_many_samples_change_nothing() {
        let training = Training {
            tolerance: 0.1,
            validation_patience: 7,
            schedule: Schedule::Exponential,
            ..Training::default()
        };
        assert_eq!(training.stretched(5000, 5000), training);
        let full = Training {
            batch: BatchSize::Full,
            ..training
        };
        assert_eq!(full.stretched(10, 5000), full);
    }

    #[test]
    fn rules_wait_for_as_many_steps() {
        let training = Training {
            tolerance: 0.1,
            patience: 2,
            validation_patience: 7,
            ..Training::default()
        };
        let few = training.stretched(300, 2560);
        assert_eq!((few.patience, few.validation_patience), (10, 35));
        assert!((few.tolerance - 0.02).abs() < 1e-15);
    }
}
