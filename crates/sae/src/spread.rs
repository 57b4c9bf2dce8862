//! How values of several runs lie.

use serde::{Deserialize, Serialize};

/// Mean and spread of some values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, divided by their number less 1; 0 of a single one.
    pub deviation: f64,
    /// The least.
    pub least: f64,
    /// The largest.
    pub largest: f64,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Self {
            mean,
            deviation: (squares / (count - 1.0).max(1.0)).sqrt(),
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            largest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy.std([2, 4, 4, 4, 5, 5, 7, 9], ddof=1)
    #[test]
    fn deviation_is_that_of_a_sample() {
        let spread = Spread::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!((spread.mean, spread.least, spread.largest), (5.0, 2.0, 9.0));
        assert!((spread.deviation - 2.138_089_935_299_395).abs() < 1e-15);
        assert_eq!(Spread::of(&[3.0]).deviation, 0.0);
    }
}
