//! Seeded random streams and the few distributions that the project draws from.
//!
//! The numbers depend on nothing but the seed: ChaCha8 is a published cipher, and everything from
//! its bits to a number is written out here.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What random numbers are drawn for. Each purpose has a stream of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Training images of the shapes generator.
    ShapesTrain,
    /// Test images of the shapes generator.
    ShapesTest,
    /// Which samples are set aside for validation.
    Split,
    /// Which samples of a source without test samples are set aside for testing.
    TestSplit,
    /// Which samples make which fold of a cross-validation.
    Folds,
    /// Initial weights of autoencoder k (from 0).
    Autoencoder(u16),
    /// Order of the samples while autoencoder k is trained.
    AutoencoderOrder(u16),
    /// Initial weights of the softmax head.
    Head,
    /// Order of the samples while the head is trained.
    HeadOrder,
    /// Order of the samples while the network is fine-tuned.
    FineTuneOrder,
    /// Initial weights of the control network, which is never pretrained.
    Control,
    /// Corruption of the inputs of autoencoder k.
    Corruption(u16),
    /// Corruption of the inputs while the network is fine-tuned.
    FineTuneCorruption,
    /// Pictures and places of the training patches.
    PatchesTrain,
    /// Pictures and places of the test patches.
    PatchesTest,
    /// Test samples on which a model is looked at, where there are more than are needed.
    Specimens,
    /// Starts of the search for the inputs that units of layer k (from 0) prefer.
    Preferred(u16),
    /// Directions on which rows are projected to tell which are near.
    Directions,
    /// Which training samples keep their labels where only a share of them does.
    LabelledTrain,
    /// Which validation samples do.
    LabelledValidation,
    /// Points of a sweep.
    SweepPoints,
}

impl Stream {
    fn number(self) -> u64 {
        let (purpose, index) = match self {
            Self::ShapesTrain => (1, 0),
            Self::ShapesTest => (2, 0),
            Self::Split => (3, 0),
            Self::Autoencoder(k) => (4, k),
            Self::AutoencoderOrder(k) => (5, k),
            Self::Head => (6, 0),
            Self::HeadOrder => (7, 0),
            Self::FineTuneOrder => (8, 0),
            Self::Control => (9, 0),
            Self::Corruption(k) => (10, k),
            Self::PatchesTrain => (11, 0),
            Self::PatchesTest => (12, 0),
            Self::TestSplit => (13, 0),
            Self::Folds => (14, 0),
            Self::Directions => (15, 0),
            Self::LabelledTrain => (16, 0),
            Self::LabelledValidation => (17, 0),
            Self::Specimens => (18, 0),
            Self::Preferred(k) => (19, k),
            Self::FineTuneCorruption => (20, 0),
            Self::SweepPoints => (21, 0),
        };
        purpose << 16 | u64::from(index)
    }
}

/// The generator of `purpose` under `seed`, for what is drawn once.
pub fn stream(seed: u64, purpose: Stream) -> ChaCha8Rng {
    stream_at(seed, purpose, 0)
}

/// The generator of `purpose` under `seed` in an epoch, which needs nothing of the epochs before.
/// That of epoch 0 is [`stream`]'s.
pub fn stream_at(seed: u64, purpose: Stream, epoch: u64) -> ChaCha8Rng {
    stream_of(seed, purpose, epoch, 0)
}

/// The generator of [`stream_at`] for one of the shards into which samples are cut; that of shard 0 is
/// the same.
fn stream_of(seed: u64, purpose: Stream, epoch: u64, shard: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&epoch.to_le_bytes());
    key[16..24].copy_from_slice(&shard.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(purpose.number());
    rng
}

/// A uniform number in [low, high).
pub fn uniform(rng: &mut impl Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * ((rng.next_u64() >> 11) as f64 * 2f64.powi(-53))
}

/// A standard normal number (Box and Muller 1958).
pub fn gaussian(rng: &mut impl Rng) -> f64 {
    gaussian_pair(rng)[0]
}

/// Two independent standard normal numbers, at the price of one.
pub(crate) fn gaussian_pair(rng: &mut impl Rng) -> [f64; 2] {
    let radius = (-2.0 * (1.0 - uniform(rng, 0.0, 1.0)).ln()).sqrt();
    let (sin, cos) = (std::f64::consts::TAU * uniform(rng, 0.0, 1.0)).sin_cos();
    [radius * cos, radius * sin]
}

/// The numbers 0 to n − 1 in random order (Fisher and Yates, Durstenfeld's form).
pub fn shuffled(rng: &mut impl Rng, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, below(rng, last + 1));
    }
    order
}

/// For what the order of rows is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderOf {
    /// The seed.
    pub seed: u64,
    /// What the order is for; each epoch has its own.
    pub purpose: Stream,
    /// Which of the shards into which the samples are cut, from 0: each is shuffled by itself.
    pub shard: usize,
}

impl OrderOf {
    /// The generator of an epoch.
    pub(crate) fn stream(self, epoch: u64) -> ChaCha8Rng {
        stream_of(self.seed, self.purpose, epoch, self.shard as u64)
    }

    /// The order of `rows` rows in an epoch.
    pub fn shuffled(self, epoch: u64, rows: usize) -> Vec<usize> {
        shuffled(&mut self.stream(epoch), rows)
    }
}

/// A uniform number of 0 to n − 1. The bias of the multiplication method is below n / 2⁶⁴.
pub(crate) fn below(rng: &mut impl Rng, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_repeatable_and_apart() {
        let draw = |seed, purpose| stream(seed, purpose).next_u64();
        assert_eq!(draw(1, Stream::Head), draw(1, Stream::Head));
        assert_ne!(draw(1, Stream::Head), draw(2, Stream::Head));
        assert_ne!(draw(1, Stream::Head), draw(1, Stream::HeadOrder));
        let layer = Stream::Autoencoder;
        assert_ne!(draw(1, layer(0)), draw(1, layer(1)));
    }

    /// The first block of ChaCha8 with an all-zero key and nonce, from the reference test vectors
    /// (ecrypt ChaCha8, 256-bit key, TC1): 3e 00 ef 2f 89 5f 40 d6 ...
    #[test]
    fn generator_is_chacha8() {
        let mut rng = ChaCha8Rng::from_seed([0; 32]);
        assert_eq!(
            rng.next_u64().to_le_bytes(),
            [0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6]
        );
    }

    /// The first block of ChaCha with 8 rounds, written from its description (Bernstein, "ChaCha, a
    /// variant of Salsa20", 2008): constants, key, counter 0, stream.
    fn first_block(key: [u32; 8], stream: u64) -> [u32; 16] {
        let mut start = [0u32; 16];
        start[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
        start[4..12].copy_from_slice(&key);
        start[14] = stream as u32;
        start[15] = (stream >> 32) as u32;
        let mut state = start;
        let mut quarter = |[a, b, c, d]: [usize; 4]| {
            for (to, from, target, turn) in
                [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)]
            {
                state[to] = state[to].wrapping_add(state[from]);
                state[target] = (state[target] ^ state[to]).rotate_left(turn);
            }
        };
        for _ in 0..4 {
            (0..4).for_each(|i| quarter([i, 4 + i, 8 + i, 12 + i]));
            (0..4).for_each(|i| quarter([i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4]));
        }
        std::array::from_fn(|i| state[i].wrapping_add(start[i]))
    }

    #[test]
    fn an_epoch_is_the_second_half_of_a_seed() {
        let (seed, epoch) = (0x0123_4567_89ab_cdef, 0x1_0000_0002);
        let key = [0x89ab_cdef, 0x0123_4567, 2, 1, 0, 0, 0, 0];
        let block = first_block(key, Stream::AutoencoderOrder(3).number());
        let mut rng = stream_at(seed, Stream::AutoencoderOrder(3), epoch);
        assert_eq!(block.map(|_| rng.next_u32()), block);
    }

    #[test]
    fn every_epoch_has_an_order_of_its_own() {
        let purpose = Stream::HeadOrder;
        let order = |epoch, rows| {
            let (seed, shard) = (1, 0);
            OrderOf {
                seed,
                purpose,
                shard,
            }
            .shuffled(epoch, rows)
        };
        let first = order(0, 50);
        assert_eq!(first, shuffled(&mut stream(1, purpose), 50));
        assert_eq!(order(7, 50), order(7, 50));
        assert_ne!(order(1, 50), first);
        assert_ne!(order(2, 50), order(1, 50));
        assert!(order(3, 0).is_empty());
    }

    /// A shuffle is a permutation, and each number is equally likely in each place: a χ² of the
    /// 5 × 5 table of counts with 16 degrees of freedom stays below 32 (p = 0.01).
    #[test]
    fn shuffles_are_uniform_permutations() {
        let mut rng = stream(3, Stream::HeadOrder);
        let (n, rounds) = (5, 10_000);
        let mut counts = vec![vec![0f64; n]; n];
        for _ in 0..rounds {
            let order = shuffled(&mut rng, n);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..n).collect::<Vec<_>>());
            for (place, number) in order.into_iter().enumerate() {
                counts[place][number] += 1.0;
            }
        }
        let expected = f64::from(rounds) / n as f64;
        let chi2: f64 = counts
            .iter()
            .flatten()
            .map(|count| (count - expected).powi(2) / expected)
            .sum();
        assert!(chi2 < 32.0, "{chi2}");
    }

    /// Mean 0 and variance 1 within four standard errors.
    #[test]
    fn gaussian_has_the_standard_moments() {
        let mut rng = stream(4, Stream::ShapesTrain);
        let n = 40_000;
        let draws: Vec<f64> = (0..n / 2).flat_map(|_| gaussian_pair(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|d| d * d).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 4.0 / f64::from(n).sqrt(), "{mean}");
        assert!((variance - 1.0).abs() < 4.0 * (2.0 / f64::from(n)).sqrt());
    }
}
