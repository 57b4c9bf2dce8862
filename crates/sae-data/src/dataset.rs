//! Samples with what is known about them: their labels and the shape of an image.

use rand_core::Rng;
use sae_kernels::Setting;

use crate::random::shuffled;
use crate::{DataError, Labels, Samples};

/// Which samples of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those to train on.
    Train,
    /// Those to evaluate on.
    Test,
}

/// Height and width of the image that a row of samples is, in pixels. The values of a pixel lie
/// beside each other, and pixels row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// Values per pixel: 1 for its brightness, 3 for red, green and blue.
    pub channels: usize,
}

impl ImageShape {
    /// Of an image of brightnesses.
    pub fn grey(height: usize, width: usize) -> Self {
        Self {
            height,
            width,
            channels: 1,
        }
    }

    /// Of a row of numbers that is no image: a line of pixels.
    pub fn line(width: usize) -> Self {
        Self::grey(1, width)
    }

    /// Number of values of an image.
    pub fn values(self) -> usize {
        self.height * self.width * self.channels
    }
}

/// Rows of inputs, with labels where they have any.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// One row of pixels per image; where inputs are scaled, the scaled pixels.
    pub samples: Samples,
    /// The class of each image.
    pub labels: Option<Labels>,
    /// The image that each row is; of a table a line.
    pub image: ImageShape,
    /// The names of the inputs; none where they have none.
    pub names: Vec<String>,
}

impl Dataset {
    /// Rows of `width` numbers, without labels; as pictures they are one pixel high.
    pub fn from_rows(width: usize, values: Vec<f32>) -> Self {
        Self {
            samples: Samples::Floats { width, values },
            labels: None,
            image: ImageShape::line(width),
            names: vec![],
        }
    }

    /// Number of images.
    pub fn rows(&self) -> usize {
        self.samples.rows()
    }

    /// The images of the given rows.
    ///
    /// # Panics
    ///
    /// Panics if a row does not exist.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            samples: self.samples.select(rows),
            labels: self.labels.as_ref().map(|labels| labels.select(rows)),
            image: self.image,
            names: self.names.clone(),
        }
    }

    /// Sets a random share of the rows aside: (the rest, the share). Both keep the original order;
    /// the share has at least one row, and so has the rest. Where there are labels, each class gives
    /// its share, to within one row.
    ///
    /// # Errors
    ///
    /// Refuses a share outside (0, 1), of the setting `name`, and a set of fewer than two rows.
    pub fn split(
        &self,
        name: &'static str,
        share: f64,
        rng: &mut impl Rng,
    ) -> Result<(Self, Self), DataError> {
        if !(share > 0.0 && share < 1.0) || self.rows() < 2 {
            let found = format!("{share} of {} rows", self.rows());
            let expected = "a share in (0, 1) of at least two rows";
            return Err(Setting::new(name, found, expected).into());
        }
        let count = (self.rows() as f64 * share).round() as usize;
        let count = count.clamp(1, self.rows() - 1);
        let order = shuffled(rng, self.rows());
        let (mut rest, mut aside) = match &self.labels {
            None => {
                let (rest, aside) = order.split_at(self.rows() - count);
                (rest.to_vec(), aside.to_vec())
            }
            Some(labels) => labels.divide(&order, count),
        };
        rest.sort_unstable();
        aside.sort_unstable();
        Ok((self.select(&rest), self.select(&aside)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Stream, stream};

    fn numbered(rows: u8) -> Dataset {
        Dataset {
            samples: Samples::Bytes {
                width: 1,
                values: (0..rows).collect(),
            },
            labels: Some(Labels {
                values: (0..rows).collect(),
                classes: vec![],
            }),
            image: ImageShape::line(1),
            names: vec![],
        }
    }

    #[test]
    fn a_split_loses_and_doubles_nothing() {
        let mut rng = stream(1, Stream::Split);
        let (rest, aside) = numbered(50).split("validation", 0.2, &mut rng).unwrap();
        assert_eq!((rest.rows(), aside.rows()), (40, 10));
        let labels = |set: &Dataset| set.labels.clone().unwrap().values;
        let mut all = [labels(&rest), labels(&aside)].concat();
        all.sort_unstable();
        assert_eq!(all, (0..50).collect::<Vec<_>>());
        assert_eq!(
            aside.samples.gather(&[0])[0],
            f32::from(labels(&aside)[0]) / 255.0
        );
    }

    /// 40 of class 0, 10 of class 1: a fifth of each.
    #[test]
    fn every_class_gives_its_share() {
        let mut data = numbered(50);
        data.labels = Some(Labels {
            values: (0..50).map(|row| u8::from(row % 5 == 0)).collect(),
            classes: vec!["0".to_owned(), "1".to_owned()],
        });
        let mut sets = Vec::new();
        for seed in 0..5 {
            let mut rng = stream(seed, Stream::Split);
            let (_, aside) = data.split("validation", 0.2, &mut rng).unwrap();
            let labels = aside.labels.clone().unwrap().values;
            assert_eq!(labels.iter().filter(|&&label| label == 1).count(), 2);
            sets.push(aside);
        }
        assert!(sets.iter().any(|set| *set != sets[0]));
    }

    #[test]
    fn neither_side_of_a_split_is_empty() {
        for share in [1e-6, 1.0 - 1e-6] {
            let mut rng = stream(1, Stream::Split);
            let (rest, aside) = numbered(3).split("validation", share, &mut rng).unwrap();
            assert!(rest.rows() > 0 && aside.rows() > 0);
        }
        assert!(
            numbered(3)
                .split("validation", 1.0, &mut stream(1, Stream::Split))
                .is_err()
        );
        assert!(
            numbered(1)
                .split("validation", 0.5, &mut stream(1, Stream::Split))
                .is_err()
        );
    }
}
