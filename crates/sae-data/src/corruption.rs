//! Corruption of inputs, for denoising autoencoders (Vincent et al. 2010).

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use crate::{DataError, Stream, gaussian, stream, uniform};

/// What is done to each value of an input; the target stays clean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Corruption {
    /// Sets a share of the values to 0.
    Masking(f64),
    /// Adds normal noise of this standard deviation.
    Gaussian(f64),
    /// Sets a share of the values to 0 or 1, either with probability ½.
    SaltAndPepper(f64),
}

impl Corruption {
    /// Checks the amount.
    ///
    /// # Errors
    ///
    /// Refuses a share outside (0, 1) and a deviation that is not finite and positive.
    pub fn check(&self) -> Result<(), DataError> {
        let (amount, fine, expected) = match *self {
            Self::Masking(share) | Self::SaltAndPepper(share) => {
                (share, share > 0.0 && share < 1.0, "a share in (0, 1)")
            }
            Self::Gaussian(deviation) => (
                deviation,
                deviation > 0.0 && deviation.is_finite(),
                "a finite standard deviation > 0",
            ),
        };
        if fine {
            return Ok(());
        }
        Err(DataError::Setting {
            name: "corruption",
            found: amount.to_string(),
            expected: expected.to_owned(),
        })
    }

    fn apply(&self, values: &mut [f32], rng: &mut impl Rng) {
        for value in values {
            match *self {
                Self::Masking(share) => {
                    if uniform(rng, 0.0, 1.0) < share {
                        *value = 0.0;
                    }
                }
                Self::Gaussian(deviation) => *value += (deviation * gaussian(rng)) as f32,
                Self::SaltAndPepper(share) => {
                    let draw = uniform(rng, 0.0, 1.0);
                    if draw < share {
                        *value = if draw < 0.5 * share { 0.0 } else { 1.0 };
                    }
                }
            }
        }
    }

    /// Words of the random stream that one value may use: two numbers of two words each.
    const WORDS: u128 = 4;
}

/// A [`Corruption`] with its random stream. What happens to a row depends on the epoch and the row
/// alone, not on the batches in which the rows come.
#[derive(Debug, Clone)]
pub struct Corruptor {
    corruption: Corruption,
    rng: ChaCha8Rng,
    rows: usize,
    epoch: usize,
}

impl Corruptor {
    /// Corrupts a table of `rows` rows with the stream of `purpose`.
    pub fn new(corruption: Corruption, rows: usize, seed: u64, purpose: Stream) -> Self {
        Self {
            corruption,
            rng: stream(seed, purpose),
            rows,
            epoch: 0,
        }
    }

    /// Draws anew from here on.
    pub fn set_epoch(&mut self, epoch: usize) {
        self.epoch = epoch;
    }

    /// Corrupts the given rows of the table; `values` holds them one after the other.
    pub fn apply(&self, rows: &[usize], values: &mut [f32]) {
        if rows.is_empty() {
            return;
        }
        let width = values.len() / rows.len();
        let words = width as u128 * Corruption::WORDS;
        for (&row, values) in rows.iter().zip(values.chunks_mut(width)) {
            let place = (self.epoch * self.rows + row) as u128;
            let mut rng = self.rng.clone();
            rng.set_word_pos(place * words);
            self.corruption.apply(values, &mut rng);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corrupted(corruption: Corruption, epoch: usize, rows: &[usize]) -> Vec<f32> {
        let mut corruptor = Corruptor::new(corruption, 1000, 1, Stream::Corruption(0));
        corruptor.set_epoch(epoch);
        let mut values = vec![0.5; rows.len() * 10];
        corruptor.apply(rows, &mut values);
        values
    }

    fn share(values: &[f32], of: f32) -> f64 {
        values.iter().filter(|&&v| v == of).count() as f64 / values.len() as f64
    }

    /// Shares within four standard errors of 10,000 draws.
    #[test]
    fn amounts_are_as_configured() {
        let rows: Vec<usize> = (0..1000).collect();
        let masked = corrupted(Corruption::Masking(0.3), 0, &rows);
        assert!((share(&masked, 0.0) - 0.3).abs() < 0.019);
        assert!((share(&masked, 0.5) - 0.7).abs() < 0.019);
        let salted = corrupted(Corruption::SaltAndPepper(0.2), 0, &rows);
        assert!((share(&salted, 0.0) - 0.1).abs() < 0.012);
        assert!((share(&salted, 1.0) - 0.1).abs() < 0.012);
        let noisy = corrupted(Corruption::Gaussian(0.25), 0, &rows);
        let squares = noisy.iter().map(|v| f64::from(v - 0.5).powi(2));
        let deviation = (squares.sum::<f64>() / noisy.len() as f64).sqrt();
        assert!((deviation - 0.25).abs() < 0.0075, "{deviation}");
    }

    #[test]
    fn a_row_is_corrupted_the_same_in_any_batch() {
        let corruption = Corruption::Gaussian(0.1);
        let both = corrupted(corruption, 2, &[7, 3]);
        assert_eq!(both[10..], corrupted(corruption, 2, &[3])[..]);
        assert_ne!(both[10..], corrupted(corruption, 3, &[3])[..]);
        assert_ne!(both[10..], both[..10]);
    }

    #[test]
    fn amounts_are_checked() {
        for wrong in [
            Corruption::Masking(0.0),
            Corruption::SaltAndPepper(1.0),
            Corruption::Gaussian(f64::NAN),
        ] {
            assert!(wrong.check().is_err());
        }
        Corruption::Masking(0.5).check().unwrap();
    }
}
