//! What is known about each input over the training samples.

use super::{Linear, Per, for_chunks, mean, remove_mean};
use crate::{DataError, Inputs};

/// Means and extremes of each input; the same for every input where they are taken over all.
pub(super) struct Statistics {
    pub(super) mean: Vec<f64>,
    pub(super) least: Vec<f64>,
    pub(super) most: Vec<f64>,
    /// Differences up to here are rounding errors. Inputs as they came have none. A mean that is
    /// taken from each sample is a sum of N values, each of which adds an error of at most half an
    /// ulp of that sum, and two such means differ by twice as much.
    pub(super) rounding: f64,
}

impl Statistics {
    pub(super) fn of(samples: &Inputs<'_>, remove_dc: bool, per: Per) -> Result<Self, DataError> {
        let width = samples.width();
        let mut found = Self {
            mean: vec![0.0; width],
            least: vec![f64::INFINITY; width],
            most: vec![f64::NEG_INFINITY; width],
            rounding: match remove_dc {
                true => 2.0 * width as f64 * f64::EPSILON * largest(samples)?,
                false => 0.0,
            },
        };
        for_rows(samples, remove_dc, |row| {
            for (j, &value) in row.iter().enumerate() {
                found.mean[j] += value;
                found.least[j] = found.least[j].min(value);
                found.most[j] = found.most[j].max(value);
            }
        })?;
        let rows = samples.rows() as f64;
        found.mean.iter_mut().for_each(|sum| *sum /= rows);
        if per == Per::All {
            let least = found.least.iter().copied().fold(f64::INFINITY, f64::min);
            let most = found.most.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            found.mean = vec![mean(&found.mean); width];
            found.least = vec![least; width];
            found.most = vec![most; width];
        }
        // The mean of one number over and over is that number, but for the rounding of the sum.
        let extremes = found.least.iter().zip(&found.most);
        for (mean, (least, most)) in found.mean.iter_mut().zip(extremes) {
            *mean = mean.max(*least).min(*most);
        }
        Ok(found)
    }

    /// Whether each input varies by more than rounding errors.
    fn varying(&self) -> impl Iterator<Item = bool> {
        self.spans().into_iter().map(|span| span > self.rounding)
    }

    /// Whether any input varies.
    pub(super) fn varies(&self) -> bool {
        self.varying().any(|varies| varies)
    }

    /// `target` / spread of each input, and 1 of inputs that do not vary.
    pub(super) fn factors(&self, spreads: &[f64], target: f64) -> Linear {
        let inputs = spreads.iter().zip(self.varying());
        let factor = |(spread, varies)| if varies { target / spread } else { 1.0 };
        Linear::Factors(inputs.map(factor).collect())
    }

    pub(super) fn spans(&self) -> Vec<f64> {
        let both = self.most.iter().zip(&self.least);
        both.map(|(most, least)| most - least).collect()
    }

    pub(super) fn deviations(
        &self,
        samples: &Inputs<'_>,
        remove_dc: bool,
        per: Per,
    ) -> Result<Vec<f64>, DataError> {
        let mut variance = vec![0.0; samples.width()];
        for_rows(samples, remove_dc, |row| {
            for ((sum, value), mean) in variance.iter_mut().zip(row).zip(&self.mean) {
                *sum += (value - mean).powi(2);
            }
        })?;
        let rows = samples.rows() as f64;
        variance.iter_mut().for_each(|sum| *sum /= rows);
        if per == Per::All {
            variance = vec![mean(&variance); samples.width()];
        }
        Ok(variance.into_iter().map(f64::sqrt).collect())
    }
}

/// The largest magnitude of all values.
fn largest(samples: &Inputs<'_>) -> Result<f64, DataError> {
    let mut largest: f64 = 0.0;
    for_chunks(samples, |values| {
        largest = values.iter().fold(largest, |m, v| m.max(v.abs()));
    })?;
    Ok(largest)
}

fn for_rows(
    samples: &Inputs<'_>,
    remove_dc: bool,
    mut visit: impl FnMut(&[f64]),
) -> Result<(), DataError> {
    for_chunks(samples, |mut values| {
        for row in values.chunks_mut(samples.width()) {
            if remove_dc {
                remove_mean(row);
            }
            visit(row);
        }
    })
}
