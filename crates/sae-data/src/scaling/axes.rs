//! Principal components of the training samples.

use faer::{Mat, MatRef, Side};
use sae_kernels::Setting;

use super::{Linear, Scaling, for_chunks, product, row_major};
use crate::{DataError, Inputs};

/// The largest principal components: their directions U, `[inputs, kept]`, and √(λ + ε) of each.
pub(super) struct Axes {
    directions: Vec<f64>,
    deviations: Vec<f64>,
}

impl Axes {
    /// The `kept` largest components of samples centred by `centring`, whose differences up to
    /// `rounding` mean nothing.
    pub(super) fn of(
        centring: &Scaling,
        samples: &Inputs<'_>,
        (epsilon, kept): (f64, usize),
        rounding: f64,
    ) -> Result<Self, DataError> {
        let width = samples.width();
        if !(1..=width).contains(&kept) {
            let expected = format!("1 to {width}, the number of inputs");
            return Err(Setting::new("components", kept, expected).into());
        }
        let covariance = covariance(centring, samples)?;
        let decomposed = MatRef::from_row_major_slice(&covariance, width, width)
            .self_adjoint_eigen(Side::Lower)
            .map_err(|error| {
                let found = format!("whitening, but the covariance has no eigenvalues ({error:?})");
                Setting::new("kind", found, "inputs of moderate size")
            })?;
        let (values, vectors) = (decomposed.S().column_vector(), decomposed.U());
        // faer's eigenvalues ascend. Rounding makes those of a singular matrix slightly negative.
        let variance = |k: usize| values[width - 1 - k].max(0.0);
        let negligible = (variance(0) * width as f64 * f64::EPSILON).max(rounding.powi(2));
        if variance(kept - 1) + epsilon <= negligible {
            let rank = (0..width).filter(|&k| variance(k) > negligible).count();
            return Err(singular(epsilon, rank, width).into());
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

    pub(super) fn pca(&self) -> Linear {
        Linear::Matrix {
            forward: self.weighted(f64::recip),
            backward: transposed(&self.weighted(|deviation| deviation), self.kept()),
        }
    }

    pub(super) fn zca(&self) -> Linear {
        let back = transposed(&self.directions, self.kept());
        Linear::Matrix {
            forward: product(&self.weighted(f64::recip), &back, self.kept()),
            backward: product(&self.weighted(|deviation| deviation), &back, self.kept()),
        }
    }
}

/// ε is too small for inputs that vary in `rank` directions of `width` only.
fn singular(epsilon: f64, rank: usize, width: usize) -> Setting {
    let (inputs, expected) = match rank {
        0 => ("that never vary".to_owned(), "a number > 0".to_owned()),
        rank => (
            format!("with variance in {rank} directions of {width}"),
            format!("a number > 0, or kind = \"pca\" with at most {rank} components"),
        ),
    };
    Setting::new(
        "epsilon",
        format!("{epsilon} for inputs {inputs}"),
        expected,
    )
}

/// (1/R) Σ (x − μ)ᵀ(x − μ), `[inputs, inputs]`.
fn covariance(centring: &Scaling, samples: &Inputs<'_>) -> Result<Vec<f64>, DataError> {
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
    })?;
    let rows = samples.rows() as f64;
    sum.iter_mut().for_each(|value| *value /= rows);
    Ok(sum)
}

/// Mᵀ of a matrix with `columns` columns.
fn transposed(values: &[f64], columns: usize) -> Vec<f64> {
    let rows = values.len() / columns;
    let column = |j: usize| (0..rows).map(move |i| values[i * columns + j]);
    (0..columns).flat_map(column).collect()
}
