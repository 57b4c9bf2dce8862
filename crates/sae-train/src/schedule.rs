//! The schedules' names.

use serde::{Deserialize, Serialize};

/// How the learning rate changes from epoch to epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Not at all.
    #[default]
    Constant,
    /// In a straight line to `schedule_last` at the last epoch.
    Linear,
    /// Along half a cosine to `schedule_last` at the last epoch (Loshchilov and Hutter 2017),
    /// without restarts.
    Cosine,
    /// Times `schedule_factor` every epoch.
    Exponential,
    /// Times `schedule_factor` every `schedule_every` epochs.
    Step,
}
