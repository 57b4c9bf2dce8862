//! Scaling of inputs: fitted on training samples, applied before the first encoder, undone after
//! its decoder.
//!
//! Three steps, each of which may be left out, in this order:
//!
//! 1. the mean of each sample is taken from it (the "DC" of a patch);
//! 2. an affine map (x − μ)·A that was fitted: min–max, standardise, or PCA or ZCA whitening;
//! 3. values are truncated to ±3 standard deviations and mapped to [0.1, 0.9].
//!
//! Steps 1 and 3 are UFLDL's `normalizeData`; whitening is that of UFLDL's "Implementing
//! PCA/Whitening": with Σ = UΛUᵀ the covariance of the training samples, A = U(Λ + ε)^(−1/2) for
//! PCA and A = U(Λ + ε)^(−1/2)Uᵀ for ZCA.

mod axes;
mod config;
mod file;
mod fit;
mod statistics;

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use pulp::Arch;
use rayon::prelude::*;
use sae_kernels::Affine;

use crate::{DataError, Inputs, Samples};

pub use config::{Per, ScalingConfig, ScalingKind};

/// Rows whose values are in memory in double precision at a time.
const ROWS_AT_ONCE: usize = 1024;
/// Where truncated values lie.
pub const TRUNCATED: (f64, f64) = (0.1, 0.9);

/// A fitted scaling of rows of `inputs` values to rows of `outputs` values.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaling {
    remove_dc: bool,
    /// μ, one per input.
    offset: Vec<f64>,
    linear: Linear,
    /// Added after the linear map, to every value.
    shift: f64,
    truncation: Option<Truncation>,
}

/// The matrix A.
#[derive(Debug, Clone, PartialEq)]
enum Linear {
    /// A diagonal.
    Factors(Vec<f64>),
    /// A matrix `[inputs, outputs]` and its (pseudo-)inverse `[outputs, inputs]`, row by row.
    Matrix {
        forward: Vec<f64>,
        backward: Vec<f64>,
    },
}

/// v ↦ (clip((v − centre) / radius, −1, 1) + 1)·0.4 + 0.1.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Truncation {
    centre: f64,
    radius: f64,
}

impl Truncation {
    const HALF: f64 = (TRUNCATED.1 - TRUNCATED.0) / 2.0;

    fn apply(self, value: f64) -> f64 {
        let clipped = ((value - self.centre) / self.radius).clamp(-1.0, 1.0);
        (clipped + 1.0) * Self::HALF + TRUNCATED.0
    }

    fn undo(self, value: f64) -> f64 {
        ((value - TRUNCATED.0) / Self::HALF - 1.0) * self.radius + self.centre
    }
}

impl Scaling {
    /// Values per row before scaling.
    pub fn inputs(&self) -> usize {
        self.offset.len()
    }

    /// Values per row after scaling: fewer than before where PCA keeps some components only.
    pub fn outputs(&self) -> usize {
        match &self.linear {
            Linear::Factors(factors) => factors.len(),
            Linear::Matrix { forward, .. } => forward.len() / self.inputs(),
        }
    }

    /// Whether the mean of each sample is taken from it.
    pub fn removes_mean(&self) -> bool {
        self.remove_dc
    }

    /// `samples`, `[rows, inputs]`, scaled: `[rows, outputs]` of `f32`.
    ///
    /// # Panics
    ///
    /// Panics where the samples do not have [`Scaling::inputs`] values per row.
    pub fn apply(&self, samples: &Samples) -> Samples {
        self.apply_rows(samples, 0..samples.rows())
    }

    /// As [`Scaling::apply`], of some of the rows.
    ///
    /// # Panics
    ///
    /// As [`Scaling::apply`], and where a row does not exist.
    pub fn apply_rows(&self, samples: &Samples, rows: Range<usize>) -> Samples {
        assert_eq!(samples.width(), self.inputs());
        let width = self.outputs();
        let mut values = vec![0.0; rows.len() * width];
        let chunks = values.par_chunks_mut(ROWS_AT_ONCE * width).enumerate();
        chunks.for_each(|(number, scaled)| {
            let first = rows.start + number * ROWS_AT_ONCE;
            self.apply_into(samples, first..first + scaled.len() / width, scaled);
        });
        Samples::Floats { width, values }
    }

    /// Some rows, scaled, into their place.
    fn apply_into(&self, samples: &Samples, rows: Range<usize>, scaled: &mut [f32]) {
        let values = rows.start * self.inputs()..rows.end * self.inputs();
        let width = self.inputs();
        match (self.by_value(), samples, samples.singles()) {
            (Some(by), _, Some(all)) => {
                let rows = || by_rows(by, width, &all[values], f64::from, scaled);
                Arch::new().dispatch(rows);
            }
            (Some(by), Samples::Bytes { values: all, .. }, _) => {
                let exact = |v| f64::from(v) / 255.0;
                let rows = || by_rows(by, width, &all[values], exact, scaled);
                Arch::new().dispatch(rows);
            }
            _ => {
                let exact = self.scaled(samples.gather_doubles(&rows.collect::<Vec<_>>()));
                let places = scaled.iter_mut().zip(exact);
                places.for_each(|(place, value)| *place = value as f32);
            }
        }
    }

    /// The map of each value by itself, where the scaling is no more than that: the same operations as of all
    /// others, so that it may be applied wherever values are read.
    pub fn by_value(&self) -> Option<Affine<'_>> {
        match &self.linear {
            Linear::Factors(factors) if !self.remove_dc && self.truncation.is_none() => {
                Some(Affine {
                    offsets: &self.offset,
                    factors,
                    shift: self.shift,
                })
            }
            _ => None,
        }
    }

    /// Rows scaled: now where they are in memory, or as they are read.
    ///
    /// # Panics
    ///
    /// As [`Scaling::apply`].
    pub fn apply_to(&self, inputs: &Inputs<'_>) -> Inputs<'static> {
        match inputs {
            Inputs::Memory(samples) => self.apply(samples).into(),
            Inputs::Stored(stored) => {
                let scaling = self.clone();
                let apply = move |samples: &Samples| Ok(scaling.apply(samples));
                Inputs::Stored(stored.mapped(self.outputs(), apply))
            }
        }
    }

    /// As [`Scaling::apply`], in `f64`.
    ///
    /// # Panics
    ///
    /// As [`Scaling::apply`].
    pub fn apply_exactly(&self, samples: &Samples) -> Samples {
        let mut values = Vec::with_capacity(samples.rows() * self.outputs());
        for chunk in chunks(samples) {
            values.extend(self.scaled(chunk));
        }
        Samples::Doubles {
            width: self.outputs(),
            values,
        }
    }

    /// Some rows, scaled.
    fn scaled(&self, mut values: Vec<f64>) -> Vec<f64> {
        self.centre(&mut values);
        let mut mapped = self.map(values);
        mapped.iter_mut().for_each(|v| *v += self.shift);
        if let Some(truncation) = self.truncation {
            mapped.iter_mut().for_each(|v| *v = truncation.apply(*v));
        }
        mapped
    }

    /// Takes each row's mean, where that was asked for, and μ from rows of inputs.
    fn centre(&self, values: &mut [f64]) {
        for row in values.chunks_mut(self.inputs()) {
            if self.remove_dc {
                remove_mean(row);
            }
            for (value, offset) in row.iter_mut().zip(&self.offset) {
                *value -= offset;
            }
        }
    }

    /// Rows times A.
    fn map(&self, mut values: Vec<f64>) -> Vec<f64> {
        match &self.linear {
            Linear::Factors(factors) => {
                for row in values.chunks_mut(factors.len()) {
                    row.iter_mut().zip(factors).for_each(|(v, f)| *v *= f);
                }
                values
            }
            Linear::Matrix { forward, .. } => product(&values, forward, self.inputs()),
        }
    }

    /// Undoes the scaling of rows of outputs: `[rows, outputs]` to `[rows, inputs]`. The mean that
    /// was taken from each sample is that of the same row of `originals`. What truncation or left
    /// out components lost stays lost.
    ///
    /// # Panics
    ///
    /// Panics where the widths or the numbers of rows do not fit.
    pub fn undo(&self, scaled: &Samples, originals: &Samples) -> Samples {
        assert_eq!(
            (scaled.width(), scaled.rows(), originals.width()),
            (self.outputs(), originals.rows(), self.inputs())
        );
        let rows: Vec<usize> = (0..scaled.rows()).collect();
        let mut values = scaled.gather_doubles(&rows);
        if let Some(truncation) = self.truncation {
            values.iter_mut().for_each(|v| *v = truncation.undo(*v));
        }
        values.iter_mut().for_each(|v| *v -= self.shift);
        let mut values = match &self.linear {
            Linear::Factors(factors) => {
                for row in values.chunks_mut(factors.len()) {
                    row.iter_mut().zip(factors).for_each(|(v, f)| *v /= f);
                }
                values
            }
            Linear::Matrix { backward, .. } => product(&values, backward, self.outputs()),
        };
        let width = self.inputs();
        for (row, number) in values.chunks_mut(width).zip(rows) {
            let mean = match self.remove_dc {
                true => mean(&originals.gather_doubles(&[number])),
                false => 0.0,
            };
            for (value, offset) in row.iter_mut().zip(&self.offset) {
                *value += offset + mean;
            }
        }
        Samples::Doubles { width, values }
    }

    /// Directions in the space of the unscaled inputs: column j of the result, `[inputs, hidden]`,
    /// is the gradient of (x scaled)·w_j with respect to x, where nothing is truncated; w_j is
    /// column j of `weights`, `[outputs, hidden]`. The input of unit norm that activates hidden
    /// unit j most points there.
    ///
    /// # Panics
    ///
    /// Panics where `weights` is no such matrix.
    pub fn directions(&self, weights: &[f64], hidden: usize) -> Vec<f64> {
        assert_eq!(weights.len(), self.outputs() * hidden);
        let mut directions = match &self.linear {
            Linear::Factors(factors) => {
                let rows = weights.chunks(hidden).zip(factors);
                rows.flat_map(|(row, f)| row.iter().map(move |w| w * f))
                    .collect()
            }
            Linear::Matrix { forward, .. } => product(forward, weights, self.outputs()),
        };
        if self.remove_dc {
            let rows = self.inputs() as f64;
            for unit in 0..hidden {
                let column = || (0..self.inputs()).map(|row| row * hidden + unit);
                let mean = column().map(|at| directions[at]).sum::<f64>() / rows;
                column().for_each(|at| directions[at] -= mean);
            }
        }
        directions
    }
}

/// Rows of `width` values, each mapped by itself.
#[inline(always)]
fn by_rows<T: Copy>(
    by: Affine<'_>,
    width: usize,
    rows: &[T],
    exact: impl Fn(T) -> f64 + Copy,
    scaled: &mut [f32],
) {
    let rows = rows.chunks(width).zip(scaled.chunks_mut(width));
    rows.for_each(|(row, scaled)| by.map(0, row, exact, scaled));
}

/// The rows of `samples` in double precision, [`ROWS_AT_ONCE`] of them at a time.
fn chunks(samples: &Samples) -> impl Iterator<Item = Vec<f64>> {
    let rows: Vec<usize> = (0..samples.rows()).collect();
    let firsts = (0..rows.len()).step_by(ROWS_AT_ONCE);
    firsts.map(move |first| {
        samples.gather_doubles(&rows[first..rows.len().min(first + ROWS_AT_ONCE)])
    })
}

/// Calls `visit` with the same, of rows wherever they are.
fn for_chunks(inputs: &Inputs<'_>, mut visit: impl FnMut(Vec<f64>)) -> Result<(), DataError> {
    inputs.for_parts(ROWS_AT_ONCE, |_, samples, rows| {
        visit(samples.gather_doubles(&rows.collect::<Vec<_>>()));
        Ok(())
    })
}

/// A·B for `a` `[m, inner]` and `b` `[inner, n]`, all row by row.
fn product(a: &[f64], b: &[f64], inner: usize) -> Vec<f64> {
    let (m, n) = (a.len() / inner, b.len() / inner);
    let mut result = vec![0.0; m * n];
    matmul(
        MatMut::from_row_major_slice_mut(&mut result, m, n),
        Accum::Replace,
        MatRef::from_row_major_slice(a, m, inner),
        MatRef::from_row_major_slice(b, inner, n),
        1.0,
        Par::Seq,
    );
    result
}

/// A matrix row by row.
fn row_major(matrix: &Mat<f64>) -> Vec<f64> {
    let cells = |i| (0..matrix.ncols()).map(move |j| matrix[(i, j)]);
    (0..matrix.nrows()).flat_map(cells).collect()
}

fn mean(row: &[f64]) -> f64 {
    row.iter().sum::<f64>() / row.len() as f64
}

fn remove_mean(row: &mut [f64]) {
    let mean = mean(row);
    row.iter_mut().for_each(|value| *value -= mean);
}
