//! The table `[checkpoints]`.

use std::time::Duration;

use sae_kernels::Setting;
use sae_kernels::setting::{at_least_one, not_negative};
use serde::{Deserialize, Serialize};

/// When the state of a run is saved, and how much is kept. It is also saved at the end of each stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoints {
    /// At least so many minutes lie between two; 0 for no such rule. The time that saving takes is kept
    /// below a hundredth of the run's.
    pub minutes: f64,
    /// Every so many epochs of a stage; 0 for no such rule.
    pub epochs: usize,
    /// Every so many steps of a stage; 0 for no such rule.
    pub steps: usize,
    /// How many of the newest are kept, at least 1, besides the best one of the stage under way.
    pub keep: usize,
    /// Whether a finished run keeps the state at the end of each stage, so that stages can have more epochs.
    pub ends: bool,
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self {
            minutes: 1.0,
            epochs: 0,
            steps: 0,
            keep: 2,
            ends: true,
        }
    }
}

/// No run lasts that long.
const MOST_MINUTES: f64 = 1e6;

impl Checkpoints {
    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// Names the first that is outside its range.
    pub fn check(&self) -> Result<(), Setting> {
        not_negative("minutes", self.minutes)?;
        if self.minutes > MOST_MINUTES {
            let expected = format!("at most {MOST_MINUTES}");
            return Err(Setting::new("minutes", self.minutes, expected));
        }
        at_least_one("keep", self.keep)
    }

    /// The least time between two, where time rules.
    pub(crate) fn pause(&self) -> Option<Duration> {
        (self.minutes > 0.0).then(|| Duration::from_secs_f64(60.0 * self.minutes))
    }
}
