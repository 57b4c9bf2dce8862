//! Samples on which a model is looked at.

use sae_data::shapes::Factors;
use sae_data::{DataConfig, Dataset, Labels, Part, Samples, Source, Stream, shuffled, stream};

use crate::{Error, Experiment};

/// Most samples that a model is looked at on, and most bytes that they may take.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 256 << 20;

/// Test samples as they are before scaling, or an even choice of them, with what is known of them.
#[derive(Debug, Clone)]
pub struct Specimens {
    /// The samples, `[sample, input]`.
    pub samples: Samples,
    /// The number of each among the test samples, from 0.
    pub rows: Vec<usize>,
    /// Their classes, where they have any.
    pub labels: Option<Labels>,
    /// Their true factors, where they were drawn.
    pub factors: Option<Vec<Factors>>,
}

impl Specimens {
    /// Those of a run's test samples, `test`, before scaling: all, or as many as are enough, drawn with the
    /// seed.
    ///
    /// # Errors
    ///
    /// Fails where they cannot be read.
    pub fn of(test: &Dataset, experiment: &Experiment) -> Result<Self, Error> {
        let width = test.samples.width().max(1);
        let most = (MOST_BYTES / (width * size_of::<f32>())).clamp(1, MOST);
        let mut rows: Vec<usize> = (0..test.rows()).collect();
        if rows.len() > most {
            let mut rng = stream(experiment.seed, Stream::Specimens);
            rows = shuffled(&mut rng, rows.len());
            rows.truncate(most);
            rows.sort_unstable();
        }
        let factors = factors(&experiment.data, experiment.seed)?;
        Ok(Self {
            samples: test.samples.gather(&rows)?,
            labels: test.labels.as_ref().map(|labels| labels.select(&rows)),
            factors: factors.map(|all| rows.iter().map(|&row| all[row]).collect()),
            rows,
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// Some of them as pixels in [0, 1]: as they are where all lie there, else from the least to the
    /// largest value of all.
    pub fn pixels(&self, chosen: &[usize]) -> Vec<f32> {
        self.in_pixels(self.samples.gather(chosen))
    }

    /// Values of such samples as pixels, on the same scale; what lies outside is cut off.
    pub fn in_pixels(&self, mut values: Vec<f32>) -> Vec<f32> {
        let (low, high) = self.samples.range();
        if low < 0.0 || high > 1.0 {
            let scale = 1.0 / (high - low).max(f64::MIN_POSITIVE);
            let pixel = |v: f32| ((f64::from(v) - low) * scale) as f32;
            values.iter_mut().for_each(|v| *v = pixel(*v));
        }
        values.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        values
    }
}

/// The true factors of the test samples of the shapes generator; nothing of other sources, and where the
/// samples that are tested on are others.
fn factors(data: &DataConfig, seed: u64) -> Result<Option<Vec<Factors>>, Error> {
    if data.source != Source::Shapes || data.folds > 0 {
        return Ok(None);
    }
    let factors = data.shapes.factors(Part::Test, seed);
    Ok(Some(
        factors.map_err(|error| Error::in_table("data", error))?,
    ))
}
