//! Which scaling is to be fitted.

use sae_kernels::Setting;
use sae_kernels::setting::not_negative;
use serde::{Deserialize, Serialize};

use super::TRUNCATED;

/// The settings of a scaling. Keys and defaults are listed in `docs/config.md`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScalingConfig {
    /// Whether the mean of each sample is taken from it first.
    pub remove_dc: bool,
    /// The affine map that is fitted.
    pub kind: ScalingKind,
    /// Over what `MinMax` and `Standardise` take their statistics.
    pub per: Per,
    /// Where `MinMax` puts the smallest training value.
    pub low: f64,
    /// Where `MinMax` puts the largest training value.
    pub high: f64,
    /// ε that `Zca` and `Pca` add to every variance.
    pub epsilon: f64,
    /// How many components `Pca` keeps; 0 for all.
    pub components: usize,
    /// Whether values are truncated to ±3 standard deviations and mapped to [0.1, 0.9] at the end.
    pub truncate: bool,
}

impl Default for ScalingConfig {
    fn default() -> Self {
        Self {
            remove_dc: false,
            kind: ScalingKind::None,
            per: Per::Input,
            low: 0.0,
            high: 1.0,
            epsilon: 0.01,
            components: 0,
            truncate: false,
        }
    }
}

/// The affine map of a scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalingKind {
    /// The identity.
    None,
    /// The smallest training value becomes `low`, the largest `high`. What never varies becomes
    /// `low`, with the factor 1.
    MinMax,
    /// Mean 0 and standard deviation 1 (that of the population: divided by R). What never varies
    /// becomes 0, with the factor 1.
    Standardise,
    /// Covariance (almost) the identity, as near to the input as can be:
    /// A = U(Λ + ε)^(−1/2)Uᵀ.
    Zca,
    /// Principal components, the largest first, with variance (almost) 1: A = U(Λ + ε)^(−1/2). Each
    /// column of U is signed so that its largest entry in magnitude is positive.
    Pca,
}

/// Over what a statistic is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Each input for itself.
    Input,
    /// All inputs together.
    All,
}

impl ScalingConfig {
    /// Whether samples stay as they are.
    pub fn is_identity(&self) -> bool {
        !self.remove_dc && self.kind == ScalingKind::None && !self.truncate
    }

    /// Whether scaled inputs lie in the interval of [`ScalingConfig::range`] whatever they were before.
    pub fn bounds(&self) -> bool {
        self.truncate || self.kind != ScalingKind::None
    }

    /// The interval in which scaled inputs lie, where those before lie in [0, 1].
    pub fn range(&self) -> (f64, f64) {
        match self.kind {
            _ if self.truncate => TRUNCATED,
            ScalingKind::None if self.remove_dc => (-1.0, 1.0),
            ScalingKind::None => (0.0, 1.0),
            ScalingKind::MinMax => (self.low, self.high),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// Checks the settings, before any data is there; also those that the kind does not use.
    ///
    /// # Errors
    ///
    /// Names the first one that is outside its range.
    pub fn check(&self) -> Result<(), Setting> {
        let Self {
            low, high, epsilon, ..
        } = *self;
        if !(low.is_finite() && high.is_finite() && low < high) {
            let found = format!("{high} with low = {low}");
            return Err(Setting::new("high", found, "a finite number above low"));
        }
        not_negative("epsilon", epsilon)?;
        if self.truncate && self.kind == ScalingKind::MinMax {
            let found = "true with kind = \"min_max\"".to_owned();
            let expected = "false: min_max has a range of its own";
            return Err(Setting::new("truncate", found, expected));
        }
        Ok(())
    }
}
