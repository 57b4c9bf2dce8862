//! Corruption of inputs, for denoising autoencoders (Vincent et al. 2010).

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use sae_kernels::Setting;
use serde::{Deserialize, Serialize};

use crate::{Stream, gaussian, stream, uniform};

/// What is done to each value of an input; the target stays clean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorruptionKind {
    /// Nothing.
    #[default]
    None,
    /// A share of the values becomes 0.
    Masking,
    /// Normal noise is added.
    Gaussian,
    /// A share of the values becomes 0 or 1, either with probability ½.
    SaltAndPepper,
}

/// What is done to inputs, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Corruption {
    /// What is done.
    pub kind: CorruptionKind,
    /// The share of the values, or the noise's standard deviation.
    pub amount: f64,
}

impl Corruption {
    /// Whether inputs stay as they are.
    pub fn is_none(&self) -> bool {
        self.kind == CorruptionKind::None
    }

    /// Checks the amount.
    ///
    /// # Errors
    ///
    /// Refuses a share outside (0, 1) and a deviation that is not finite and positive.
    pub fn check(&self) -> Result<(), Setting> {
        let amount = self.amount;
        let (fine, expected) = match self.kind {
            CorruptionKind::None => return Ok(()),
            CorruptionKind::Masking | CorruptionKind::SaltAndPepper => {
                (amount > 0.0 && amount < 1.0, "a share in (0, 1)")
            }
            CorruptionKind::Gaussian => (
                amount > 0.0 && amount.is_finite(),
                "a finite standard deviation > 0",
            ),
        };
        if fine {
            return Ok(());
        }
        Err(Setting::new("corruption_amount", amount, expected))
    }

    fn apply(&self, values: &mut [f32], rng: &mut impl Rng) {
        for value in values {
            match self.kind {
                CorruptionKind::None => {}
                CorruptionKind::Masking => {
                    if uniform(rng, 0.0, 1.0) < self.amount {
                        *value = 0.0;
                    }
                }
                CorruptionKind::Gaussian => *value += (self.amount * gaussian(rng)) as f32,
                CorruptionKind::SaltAndPepper => {
                    let draw = uniform(rng, 0.0, 1.0);
                    if draw < self.amount {
                        *value = if draw < 0.5 * self.amount { 0.0 } else { 1.0 };
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
            let place = self.epoch as u128 * self.rows as u128 + row as u128;
            let mut rng = self.rng.clone();
            rng.set_word_pos(place * words);
            self.corruption.apply(values, &mut rng);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use super::CorruptionKind::{Gaussian, Masking, SaltAndPepper};

    fn corrupted(kind: CorruptionKind, amount: f64, epoch: usize, rows: &[usize]) -> Vec<f32> {
        let corruption = Corruption { kind, amount };
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
        let masked = corrupted(Masking, 0.3, 0, &rows);
        assert!((share(&masked, 0.0) - 0.3).abs() < 0.019);
        assert!((share(&masked, 0.5) - 0.7).abs() < 0.019);
        let salted = corrupted(SaltAndPepper, 0.2, 0, &rows);
        assert!((share(&salted, 0.0) - 0.1).abs() < 0.012);
        assert!((share(&salted, 1.0) - 0.1).abs() < 0.012);
        let noisy = corrupted(Gaussian, 0.25, 0, &rows);
        let squares = noisy.iter().map(|v| f64::from(v - 0.5).powi(2));
        let deviation = (squares.sum::<f64>() / noisy.len() as f64).sqrt();
        assert!((deviation - 0.25).abs() < 0.0075, "{deviation}");
    }

    #[test]
    fn a_row_is_corrupted_the_same_in_any_batch() {
        let noisy = |epoch, rows: &[usize]| corrupted(Gaussian, 0.1, epoch, rows);
        let both = noisy(2, &[7, 3]);
        assert_eq!(both[10..], noisy(2, &[3])[..]);
        assert_ne!(both[10..], noisy(3, &[3])[..]);
        assert_ne!(both[10..], both[..10]);
    }

    #[test]
    fn no_corruption_leaves_inputs_alone() {
        assert_eq!(corrupted(CorruptionKind::None, 0.3, 0, &[1]), [0.5; 10]);
    }

    #[test]
    fn amounts_are_checked() {
        let check = |kind, amount| Corruption { kind, amount }.check();
        for (kind, amount) in [(Masking, 0.0), (SaltAndPepper, 1.0), (Gaussian, f64::NAN)] {
            let message = check(kind, amount).unwrap_err().to_string();
            assert!(message.starts_with("corruption_amount is"), "{message}");
        }
        check(Masking, 0.5).unwrap();
    }

    #[test]
    fn kinds_are_named_as_in_the_configuration() {
        let name = serde_json::to_string(&SaltAndPepper).unwrap();
        assert_eq!(name, "\"salt_and_pepper\"");
    }
}
