//! How unlike its training samples a model finds others.

use rayon::prelude::*;
use sae_data::Samples;
use sae_kernels::Setting;

use crate::facts::check_width;
use crate::part::Part;
use crate::{Error, Model};

/// Steps between the quantiles of scores that a model keeps.
const QUANTILES: usize = 1000;

impl Model {
    /// How far each sample is from its reconstruction, for finding what is unlike the training
    /// samples: the root of the mean squared error over the inputs as the autoencoders see them, after
    /// scaling.
    ///
    /// # Errors
    ///
    /// Refuses samples of another width.
    pub fn score(&self, samples: &Samples) -> Result<Vec<f64>, Error> {
        check_width("the samples", samples.width(), self.inputs())?;
        let mut scores = Vec::with_capacity(samples.rows());
        self.for_parts(samples, |_, scaled| {
            let output = self.decoded(&self.codes(scaled)?)?;
            scores.extend(row_errors(scaled, &output));
            Ok(())
        })?;
        Ok(scores)
    }

    /// The scores of samples, and |x − z| of each input in its own units, row by row.
    ///
    /// # Errors
    ///
    /// As [`Model::score`].
    pub fn score_and_errors(&self, samples: &Samples) -> Result<(Vec<f64>, Vec<f64>), Error> {
        check_width("the samples", samples.width(), self.inputs())?;
        let (mut scores, mut errors) = (Vec::new(), Vec::new());
        self.for_parts(samples, |part, scaled| {
            let output = self.decoded(&self.codes(scaled)?)?;
            scores.extend(row_errors(scaled, &output));
            let again = self.unscaled(output, &part.table());
            errors.extend(absolute_errors(part, &again));
            Ok(())
        })?;
        Ok((scores, errors))
    }

    /// The score that a share of the training samples exceeds, `contamination`.
    ///
    /// # Errors
    ///
    /// Refuses a share outside [0, 1), and a model that does not know the scores of its training
    /// samples, as one that was imported.
    pub fn threshold(&self, contamination: f64) -> Result<f64, Error> {
        if !(0.0..1.0).contains(&contamination) {
            let expected = "a share in [0, 1)";
            return Err(Setting::new("contamination", contamination, expected).into());
        }
        let Some(last) = self.score_quantiles.len().checked_sub(1) else {
            return Err(Error::Input(
                "the model does not know the scores of training samples; expected one that \
                 `sae train` made"
                    .to_owned(),
            ));
        };
        let place = (1.0 - contamination) * last as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        let [low, high] = [below, above].map(|place| self.score_quantiles[place]);
        Ok(low + (high - low) * (place - place.floor()))
    }

    /// Keeps the distribution of the scores of samples that it was trained on.
    ///
    /// # Errors
    ///
    /// As [`Model::score`].
    pub fn learn_scores(&mut self, samples: &Samples) -> Result<(), Error> {
        let mut scores = self.score(samples)?;
        scores.sort_by(f64::total_cmp);
        let last = scores.len().saturating_sub(1);
        let quantile = |step: usize| scores[(step * last).div_ceil(QUANTILES)];
        self.score_quantiles = match scores.is_empty() {
            true => vec![],
            false => (0..=QUANTILES).map(quantile).collect(),
        };
        Ok(())
    }
}

/// The root of the mean squared error of each row.
fn row_errors(x: &Part<'_>, z: &Samples) -> Vec<f64> {
    let (width, first) = (z.width(), x.rows.start);
    let of = |row: usize| {
        let squares = match (x.samples.singles(), z.singles()) {
            // What the kernels give, and what they are given where it is scaled or has no bytes.
            (Some(x), Some(z)) => {
                let [x, z] = [(x, first + row), (z, row)]
                    .map(|(values, row)| &values[row * width..(row + 1) * width]);
                squared_distance(x, z, f64::from)
            }
            _ => {
                let x = x.samples.gather_doubles(&[first + row]);
                squared_distance(&x, &z.gather_doubles(&[row]), |value| value)
            }
        };
        (squares / width as f64).sqrt()
    };
    (0..z.rows()).into_par_iter().map(of).collect()
}

/// Σ (x − z)², in eight sums that do not wait for each other.
fn squared_distance<T: Copy>(x: &[T], z: &[T], exact: impl Fn(T) -> f64) -> f64 {
    const SUMS: usize = 8;
    let mut sums = [0.0; SUMS];
    for (x, z) in x.chunks(SUMS).zip(z.chunks(SUMS)) {
        for ((sum, &x), &z) in sums.iter_mut().zip(x).zip(z) {
            *sum += (exact(x) - exact(z)).powi(2);
        }
    }
    sums.iter().sum()
}

/// |x − z|, value by value.
fn absolute_errors(x: &Part<'_>, z: &Samples) -> Vec<f64> {
    let x = x.samples.gather_doubles(&x.numbers());
    let z = z.gather_doubles(&(0..z.rows()).collect::<Vec<_>>());
    x.iter().zip(&z).map(|(x, z)| (x - z).abs()).collect()
}
