//! Fitting a scaling on training samples.

use faer::{Mat, MatRef, Side};

use super::{Linear, Scaling, TRUNCATED, Truncation, for_chunks, product, remove_mean, row_major};
use crate::{DataError, Samples};

/// Which scaling is to be fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScalingConfig {
    /// Whether the mean of each sample is taken from it first.
    pub remove_dc: bool,
    /// The affine map.
    pub kind: ScalingKind,
    /// Whether values are truncated to ±3 standard deviations and mapped to [0.1, 0.9] at the end.
    pub truncate: bool,
}

/// The affine map of a scaling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScalingKind {
    /// The identity.
    None,
    /// The smallest training value becomes `low`, the largest `high`. What never varies becomes
    /// `low`.
    MinMax {
        /// The new smallest value.
        low: f64,
        /// The new largest value.
        high: f64,
        /// Of each input or of all.
        per: Per,
    },
    /// Mean 0 and standard deviation 1 (that of the population: divided by R). What never varies
    /// becomes 0.
    Standardise {
        /// Of each input or of all.
        per: Per,
    },
    /// Covariance (almost) the identity, as near to the input as can be:
    /// A = U(Λ + ε)^(−1/2)Uᵀ.
    Zca {
        /// ε, added to every variance.
        epsilon: f64,
    },
    /// Principal components, the largest first, with variance (almost) 1: A = U(Λ + ε)^(−1/2). Each
    /// column of U is signed so that its largest entry in magnitude is positive.
    Pca {
        /// ε, added to every variance.
        epsilon: f64,
        /// How many are kept; nothing for all.
        components: Option<usize>,
    },
}

/// Over what a statistic is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// Each input for itself.
    Input,
    /// All inputs together.
    All,
}

impl ScalingConfig {
    /// Samples stay as they are.
    pub const NONE: Self = Self {
        remove_dc: false,
        kind: ScalingKind::None,
        truncate: false,
    };

    /// The interval in which scaled inputs lie, where those before lie in [0, 1].
    pub fn range(&self) -> (f64, f64) {
        match self.kind {
            _ if self.truncate => TRUNCATED,
            ScalingKind::None if self.remove_dc => (-1.0, 1.0),
            ScalingKind::None => (0.0, 1.0),
            ScalingKind::MinMax { low, high, .. } => (low, high),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// Checks the settings, before any data is there.
    ///
    /// # Errors
    ///
    /// Names the first one that is outside its range.
    pub fn check(&self) -> Result<(), DataError> {
        let refuse = |name, found: String, expected: &str| {
            Err(DataError::Setting {
                name,
                found,
                expected: expected.to_owned(),
            })
        };
        match self.kind {
            ScalingKind::MinMax { low, high, .. } => {
                if !(low.is_finite() && high.is_finite() && low < high) {
                    let expected = "a finite number above data.scaling.low";
                    return refuse("high", format!("{high} with low = {low}"), expected);
                }
                if self.truncate {
                    let expected = "false: min_max has a range of its own";
                    return refuse("truncate", "true with kind = \"min_max\"".into(), expected);
                }
            }
            ScalingKind::Zca { epsilon } | ScalingKind::Pca { epsilon, .. } => {
                if !(epsilon.is_finite() && epsilon >= 0.0) {
                    return refuse("epsilon", epsilon.to_string(), "a finite number >= 0");
                }
            }
            ScalingKind::None | ScalingKind::Standardise { .. } => {}
        }
        Ok(())
    }

    /// Fits the scaling on `samples`; nothing where samples stay as they are.
    ///
    /// # Errors
    ///
    /// As [`ScalingConfig::check`]; refuses more components than inputs, and inputs that have no
    /// variance in some direction where ε is 0.
    pub fn fit(&self, samples: &Samples) -> Result<Option<Scaling>, DataError> {
        self.check()?;
        if *self == Self::NONE {
            return Ok(None);
        }
        let width = samples.width();
        let mut scaling = Scaling {
            remove_dc: self.remove_dc,
            offset: vec![0.0; width],
            linear: Linear::Factors(vec![1.0; width]),
            shift: 0.0,
            truncation: None,
        };
        match self.kind {
            ScalingKind::None => {}
            ScalingKind::MinMax { low, high, per } => {
                let statistics = Statistics::of(samples, self.remove_dc, per);
                let spans = statistics.spans();
                scaling.offset = statistics.least;
                scaling.linear = Linear::Factors(factors(spans, high - low));
                scaling.shift = low;
            }
            ScalingKind::Standardise { per } => {
                let statistics = Statistics::of(samples, self.remove_dc, per);
                let deviations = statistics.deviations(samples, self.remove_dc, per);
                scaling.offset = statistics.mean;
                scaling.linear = Linear::Factors(factors(deviations, 1.0));
            }
            ScalingKind::Zca { epsilon } => {
                scaling.offset = Statistics::of(samples, self.remove_dc, Per::Input).mean;
                let axes = Axes::of(&scaling, samples, epsilon, None)?;
                scaling.linear = axes.zca();
            }
            ScalingKind::Pca {
                epsilon,
                components,
            } => {
                scaling.offset = Statistics::of(samples, self.remove_dc, Per::Input).mean;
                let axes = Axes::of(&scaling, samples, epsilon, components)?;
                scaling.linear = axes.pca();
            }
        }
        if self.truncate {
            scaling.truncation = Some(truncation(&scaling, samples));
        }
        Ok(Some(scaling))
    }
}

/// target / span, and 1 where the span is nothing.
fn factors(spans: Vec<f64>, target: f64) -> Vec<f64> {
    let factor = |span| if span > 0.0 { target / span } else { 1.0 };
    spans.into_iter().map(factor).collect()
}

/// Means and extremes of each input; the same for every input where they are taken over all.
struct Statistics {
    mean: Vec<f64>,
    least: Vec<f64>,
    most: Vec<f64>,
}

impl Statistics {
    fn of(samples: &Samples, remove_dc: bool, per: Per) -> Self {
        let width = samples.width();
        let mut found = Self {
            mean: vec![0.0; width],
            least: vec![f64::INFINITY; width],
            most: vec![f64::NEG_INFINITY; width],
        };
        for_rows(samples, remove_dc, |row| {
            for (j, &value) in row.iter().enumerate() {
                found.mean[j] += value;
                found.least[j] = found.least[j].min(value);
                found.most[j] = found.most[j].max(value);
            }
        });
        let rows = samples.rows() as f64;
        found.mean.iter_mut().for_each(|sum| *sum /= rows);
        if per == Per::All {
            let least = found.least.iter().copied().fold(f64::INFINITY, f64::min);
            let most = found.most.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            found.mean = vec![super::mean(&found.mean); width];
            found.least = vec![least; width];
            found.most = vec![most; width];
        }
        found
    }

    fn spans(&self) -> Vec<f64> {
        let both = self.most.iter().zip(&self.least);
        both.map(|(most, least)| most - least).collect()
    }

    fn deviations(&self, samples: &Samples, remove_dc: bool, per: Per) -> Vec<f64> {
        let mut variance = vec![0.0; samples.width()];
        for_rows(samples, remove_dc, |row| {
            for ((sum, value), mean) in variance.iter_mut().zip(row).zip(&self.mean) {
                *sum += (value - mean).powi(2);
            }
        });
        let rows = samples.rows() as f64;
        variance.iter_mut().for_each(|sum| *sum /= rows);
        if per == Per::All {
            variance = vec![super::mean(&variance); samples.width()];
        }
        variance.into_iter().map(f64::sqrt).collect()
    }
}

fn for_rows(samples: &Samples, remove_dc: bool, mut visit: impl FnMut(&[f64])) {
    for_chunks(samples, |mut values| {
        for row in values.chunks_mut(samples.width()) {
            if remove_dc {
                remove_mean(row);
            }
            visit(row);
        }
    });
}

/// The largest principal components: their directions U, `[inputs, kept]`, and √(λ + ε) of each.
struct Axes {
    directions: Vec<f64>,
    deviations: Vec<f64>,
}

impl Axes {
    fn of(
        centring: &Scaling,
        samples: &Samples,
        epsilon: f64,
        components: Option<usize>,
    ) -> Result<Self, DataError> {
        let width = samples.width();
        let kept = components.unwrap_or(width);
        if !(1..=width).contains(&kept) {
            return Err(DataError::Setting {
                name: "components",
                found: kept.to_string(),
                expected: format!("1 to {width}, the number of inputs"),
            });
        }
        let covariance = covariance(centring, samples);
        let decomposed = MatRef::from_row_major_slice(&covariance, width, width)
            .self_adjoint_eigen(Side::Lower)
            .map_err(|error| DataError::Setting {
                name: "kind",
                found: format!("whitening, but the covariance has no eigenvalues ({error:?})"),
                expected: "finite inputs".to_owned(),
            })?;
        let (values, vectors) = (decomposed.S().column_vector(), decomposed.U());
        // faer's eigenvalues ascend. Rounding makes those of a singular matrix slightly negative.
        let variance = |k: usize| values[width - 1 - k].max(0.0);
        let negligible = variance(0) * width as f64 * f64::EPSILON;
        if variance(kept - 1) + epsilon <= negligible {
            let rank = (0..width).filter(|&k| variance(k) > negligible).count();
            return Err(DataError::Setting {
                name: "epsilon",
                found: format!(
                    "{epsilon} for inputs with variance in {rank} directions of {width}"
                ),
                expected: format!("a number > 0, or kind = \"pca\" with at most {rank} components"),
            });
        }
        let directions = Mat::from_fn(width, kept, |i, k| {
            let column = width - 1 - k;
            let largest = (0..width)
                .map(|i| vectors[(i, column)])
                .fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
            vectors[(i, column)] * largest.signum()
        });
        Ok(Self {
            directions: row_major(&directions),
            deviations: (0..kept).map(|k| (variance(k) + epsilon).sqrt()).collect(),
        })
    }

    fn kept(&self) -> usize {
        self.deviations.len()
    }

    /// U with column k multiplied by `factor(√(λ_k + ε))`.
    fn weighted(&self, factor: impl Fn(f64) -> f64) -> Vec<f64> {
        let rows = self.directions.chunks(self.kept());
        rows.flat_map(|row| row.iter().zip(&self.deviations))
            .map(|(u, &deviation)| u * factor(deviation))
            .collect()
    }

    fn pca(&self) -> Linear {
        Linear::Matrix {
            forward: self.weighted(f64::recip),
            backward: transposed(&self.weighted(|deviation| deviation), self.kept()),
        }
    }

    fn zca(&self) -> Linear {
        let back = transposed(&self.directions, self.kept());
        Linear::Matrix {
            forward: product(&self.weighted(f64::recip), &back, self.kept()),
            backward: product(&self.weighted(|deviation| deviation), &back, self.kept()),
        }
    }
}

/// (1/R) Σ (x − μ)ᵀ(x − μ), `[inputs, inputs]`.
fn covariance(centring: &Scaling, samples: &Samples) -> Vec<f64> {
    let width = samples.width();
    let mut sum = vec![0.0; width * width];
    for_chunks(samples, |mut values| {
        centring.centre(&mut values);
        let rows = values.len() / width;
        let across = transposed(&values, width);
        let more = product(&across, &values, rows);
        sum.iter_mut()
            .zip(more)
            .for_each(|(sum, more)| *sum += more);
    });
    let rows = samples.rows() as f64;
    sum.iter_mut().for_each(|value| *value /= rows);
    sum
}

/// Mᵀ of a matrix with `columns` columns.
fn transposed(values: &[f64], columns: usize) -> Vec<f64> {
    let rows = values.len() / columns;
    let column = |j: usize| (0..rows).map(move |i| values[i * columns + j]);
    (0..columns).flat_map(column).collect()
}

/// ±3σ around the mean of all values; σ with R·N − 1 in the denominator, as MATLAB's `std`.
fn truncation(scaling: &Scaling, samples: &Samples) -> Truncation {
    let mut sum = 0.0;
    scaling.scaled(samples, |values| sum += values.iter().sum::<f64>());
    let count = (samples.rows() * scaling.outputs()) as f64;
    let centre = sum / count;
    let mut squares = 0.0;
    scaling.scaled(samples, |values| {
        squares += values.iter().map(|v| (v - centre).powi(2)).sum::<f64>();
    });
    let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
    Truncation {
        centre,
        // Where nothing varies there is nothing to truncate.
        radius: if deviation > 0.0 {
            3.0 * deviation
        } else {
            1.0
        },
    }
}
