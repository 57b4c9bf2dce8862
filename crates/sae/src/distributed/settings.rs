//! `[distributed]`: how a model is trained by several processes.

use std::time::Duration;

use sae_kernels::Setting;
use sae_kernels::setting::at_least_one;
use sae_train::{BatchSize, Training, check_shards};
use serde::{Deserialize, Serialize};

/// Into how many shards the samples are cut, and how long processes wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Distributed {
    /// Number of shards, a power of two; the most processes that can train together. Results depend on it,
    /// and not on the number of processes.
    pub shards: usize,
    /// Seconds for which a process waits for another at most.
    pub timeout: usize,
}

impl Default for Distributed {
    fn default() -> Self {
        Self {
            shards: 1,
            timeout: 60,
        }
    }
}

impl Distributed {
    /// Checks both.
    ///
    /// # Errors
    ///
    /// Refuses shards that are no power of two, and no time at all.
    pub fn check(&self) -> Result<(), Setting> {
        check_shards(self.shards)?;
        at_least_one("timeout", self.timeout)
    }

    /// The same as a time.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout as u64)
    }

    /// Refuses minibatches to which not every shard can give as much as the others.
    ///
    /// # Errors
    ///
    /// Names the setting `batch`.
    pub(crate) fn check_batch(&self, training: &Training) -> Result<(), Setting> {
        match training.batch {
            BatchSize::Rows(rows) if !rows.is_multiple_of(self.shards) => {
                let expected =
                    format!("a multiple of distributed.shards, which is {}", self.shards);
                Err(Setting::new("batch", rows, expected))
            }
            _ => Ok(()),
        }
    }

    /// Refuses fewer training samples than shards.
    ///
    /// # Errors
    ///
    /// Names the key.
    pub(crate) fn check_rows(&self, rows: usize) -> Result<(), Setting> {
        match rows < self.shards {
            true => {
                let expected = format!("at most {rows}, the number of training samples");
                Err(Setting::new("distributed.shards", self.shards, expected))
            }
            false => Ok(()),
        }
    }
}
