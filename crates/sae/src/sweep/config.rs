//! The file of a sweep.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use sae_kernels::Setting;
use sae_kernels::setting::at_least_one;
use serde::{Deserialize, Serialize};
use toml::Value;

use crate::ConfigError;
use crate::toml_file::{self, Loaded};

/// Which runs there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepConfig {
    /// The configuration that all runs share, relative to this file's folder.
    pub config: PathBuf,
    /// How points are chosen.
    #[serde(default)]
    pub method: Method,
    /// By what runs are compared.
    pub metric: Metric,
    /// How many seeds each point is run with, from the configuration's on; at least 1.
    #[serde(default = "one")]
    pub seeds: usize,
    /// Number of points that are drawn, of `random` and `halving`.
    #[serde(default = "sixteen")]
    pub points: usize,
    /// Seed of the points that are drawn.
    #[serde(default = "first_seed")]
    pub seed: u64,
    /// The keys that differ, as after `--set`, with their values.
    pub keys: BTreeMap<String, Values>,
    /// Of `halving`.
    #[serde(default)]
    pub halving: Option<Halving>,
}

fn one() -> usize {
    1
}

fn sixteen() -> usize {
    16
}

fn first_seed() -> u64 {
    1
}

/// How points are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Every combination of the values.
    #[default]
    Grid,
    /// Drawn, each key by itself.
    Random,
    /// Drawn, and run for a few epochs; the best go on for more (Jamieson and Talwalkar 2016).
    Halving,
}

/// By what runs are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// J on the validation samples at the end of the last stage but the control.
    ValidationObjective,
    /// Accuracy on the validation samples at the end of fine-tuning.
    ValidationAccuracy,
    /// RMSE of the first autoencoder on the test samples.
    TestRmse,
    /// Accuracy after fine-tuning on the test samples.
    TestAccuracy,
}

impl Metric {
    /// Whether more is better.
    pub fn rises(self) -> bool {
        match self {
            Self::ValidationAccuracy | Self::TestAccuracy => true,
            Self::ValidationObjective | Self::TestRmse => false,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ValidationObjective => "validation_objective",
            Self::ValidationAccuracy => "validation_accuracy",
            Self::TestRmse => "test_rmse",
            Self::TestAccuracy => "test_accuracy",
        })
    }
}

/// The values of a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a list of values, or { from, to } and perhaps scale = \"log\" or whole = true"
)]
pub enum Values {
    /// These.
    List(Vec<Value>),
    /// Any between two, of `random` and `halving`.
    Range(Range),
}

/// Numbers between two.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The least.
    pub from: f64,
    /// The largest.
    pub to: f64,
    /// How they are spread.
    #[serde(default)]
    pub scale: RangeScale,
    /// Whether they are whole.
    #[serde(default)]
    pub whole: bool,
}

/// How numbers are spread over a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RangeScale {
    /// Evenly.
    #[default]
    Linear,
    /// Their logarithms evenly.
    Log,
}

/// Successive halving: points are run in rounds, each with fewer points and more epochs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halving {
    /// The key of the epochs that grow: `pretrain.epochs`, `softmax.epochs` or `finetune.epochs`.
    pub epochs: String,
    /// Epochs of the first round, at least 1.
    pub first: usize,
    /// Each round keeps one point in so many, with so many times the epochs; at least 2.
    pub factor: usize,
    /// Number of rounds, at least 2.
    pub rounds: usize,
}

impl Halving {
    /// Epochs of a round, from 0.
    pub fn epochs_of(&self, round: usize) -> usize {
        let factor = u32::try_from(round)
            .ok()
            .and_then(|round| self.factor.checked_pow(round));
        factor
            .and_then(|factor| self.first.checked_mul(factor))
            .unwrap_or(usize::MAX)
    }
}

/// No sweep has more runs.
pub(super) const MOST_RUNS: usize = 100_000;

impl SweepConfig {
    /// Reads the file of a sweep.
    ///
    /// # Errors
    ///
    /// Names the line of what is no TOML, unknown, of the wrong type or outside its range.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let Loaded { mut value, origin }: Loaded<Self> = toml_file::read(path, &[], |_| {})?;
        if let Err(wrong) = value.check() {
            return Err(origin.range(&wrong.name, wrong.found, wrong.expected));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        value.config = folder.join(&value.config);
        Ok(value)
    }

    fn check(&self) -> Result<(), Setting> {
        at_least_one("seeds", self.seeds)?;
        at_least_one("points", self.points)?;
        if self.keys.is_empty() {
            return Err(Setting::new(
                "keys",
                "empty",
                "at least one key with its values",
            ));
        }
        for (key, values) in &self.keys {
            self.check_values(values)
                .map_err(|setting| setting.within(&format!("keys.\"{key}\"")))?;
        }
        let runs = self.count().saturating_mul(self.seeds);
        if runs > MOST_RUNS {
            let expected = format!("keys, points and seeds of at most {MOST_RUNS} runs");
            return Err(Setting::new("keys", format!("for {runs} runs"), expected));
        }
        match (self.method, &self.halving) {
            (Method::Halving, Some(halving)) => halving.check(self.keys.keys()),
            (Method::Halving, None) => Err(Setting::new(
                "halving",
                "missing",
                "a table [halving] with this method",
            )),
            (_, Some(_)) => Err(Setting::new(
                "halving",
                "given",
                "method = \"halving\" with it",
            )),
            (_, None) => Ok(()),
        }
    }

    fn check_values(&self, values: &Values) -> Result<(), Setting> {
        match values {
            Values::List(list) if list.is_empty() => Err(Setting::new(
                "values",
                "an empty list",
                "at least one value",
            )),
            Values::List(_) => Ok(()),
            Values::Range(_) if self.method == Method::Grid => Err(Setting::new(
                "values",
                "a range with method = \"grid\"",
                "a list, or method = \"random\"",
            )),
            Values::Range(range) => range.check(),
        }
    }

    /// Number of points.
    pub fn count(&self) -> usize {
        match self.method {
            Method::Random | Method::Halving => self.points,
            Method::Grid => {
                let counts = self.keys.values().map(|values| match values {
                    Values::List(list) => list.len(),
                    Values::Range(_) => 0,
                });
                counts.fold(1, usize::saturating_mul)
            }
        }
    }
}

impl Range {
    fn check(self) -> Result<(), Setting> {
        let found = || format!("{} to {}", self.from, self.to);
        if !(self.from.is_finite() && self.to.is_finite() && self.from < self.to) {
            return Err(Setting::new("range", found(), "from below to, both finite"));
        }
        match self.scale == RangeScale::Log && self.from <= 0.0 {
            true => Err(Setting::new(
                "range",
                found(),
                "from above 0 with scale = \"log\"",
            )),
            false => Ok(()),
        }
    }
}

impl Halving {
    /// Checks it beside the keys of its sweep.
    pub(super) fn check<'a>(
        &self,
        mut keys: impl Iterator<Item = &'a String>,
    ) -> Result<(), Setting> {
        let mut check = || {
            let known = ["pretrain.epochs", "softmax.epochs", "finetune.epochs"];
            if !known.contains(&&*self.epochs) || keys.any(|key| *key == self.epochs) {
                let expected = format!("one of {}, which is none of the keys", known.join(", "));
                return Err(Setting::new("epochs", &self.epochs, expected));
            }
            at_least_one("first", self.first)?;
            for (name, value) in [("factor", self.factor), ("rounds", self.rounds)] {
                if value < 2 {
                    return Err(Setting::new(name, value, "at least 2"));
                }
            }
            match self.epochs_of(self.rounds - 1) {
                0..=1_000_000 => Ok(()),
                epochs => Err(Setting::new(
                    "rounds",
                    format!("for {epochs} epochs"),
                    "at most a million",
                )),
            }
        };
        check().map_err(|setting| setting.within("halving"))
    }
}
