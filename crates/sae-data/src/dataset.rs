//! Samples with what is known about them: their labels and the shape of an image.

use rand_core::Rng;
use sae_kernels::Setting;

use crate::random::shuffled;
use crate::{DataError, Inputs, Labels, Samples, Scaling};

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

    /// Number of values of an image; of one beyond all sizes the largest number, which fits nothing.
    pub fn values(self) -> usize {
        self.height
            .saturating_mul(self.width)
            .saturating_mul(self.channels)
    }
}

/// Rows of inputs, with labels where they have any.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// One row of pixels per image; where inputs are scaled, the scaled pixels.
    pub samples: Inputs<'static>,
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
            samples: Samples::Floats { width, values }.into(),
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

    /// The same rows, scaled.
    pub fn scaled(mut self, scaling: &Scaling) -> Self {
        self.samples = scaling.apply_to(&self.samples);
        self
    }

    /// One of `folds` parts of equal size of a random order of the rows, number `fold` from 1, set aside:
    /// (the rest, the part). Both keep the original order. Where there are labels, each class is spread
    /// over the parts evenly.
    ///
    /// # Errors
    ///
    /// Refuses fewer than two folds, more than there are rows, and a number that none has.
    pub fn fold(
        &self,
        folds: usize,
        fold: usize,
        rng: &mut impl Rng,
    ) -> Result<(Self, Self), DataError> {
        if folds < 2 || folds > self.rows() {
            let expected = format!("2 to {}, the number of rows", self.rows());
            return Err(Setting::new("folds", folds, expected).into());
        }
        if !(1..=folds).contains(&fold) {
            return Err(Setting::new("fold", fold, format!("1 to {folds}")).into());
        }
        let mut order = shuffled(rng, self.rows());
        if let Some(labels) = &self.labels {
            // Keeps the random order within each class.
            order.sort_by_key(|&row| labels.values[row]);
        }
        let (mut rest, mut aside) = (Vec::new(), Vec::new());
        for (place, row) in order.into_iter().enumerate() {
            let part = if place % folds + 1 == fold {
                &mut aside
            } else {
                &mut rest
            };
            part.push(row);
        }
        rest.sort_unstable();
        aside.sort_unstable();
        Ok((self.select(&rest), self.select(&aside)))
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

    /// A random share of the rows of each class, to the nearest row and at least one, in their original
    /// order. From generators in one state, a smaller share lies within a larger.
    ///
    /// # Errors
    ///
    /// Refuses a share outside (0, 1], and rows without labels.
    pub fn share_of_classes(&self, share: f64, rng: &mut impl Rng) -> Result<Self, DataError> {
        if !(share > 0.0 && share <= 1.0) {
            return Err(Setting::new("share", share, "a number in (0, 1]").into());
        }
        let labels = self.labels.as_ref().ok_or_else(|| {
            Setting::new("share", format!("{share} of rows without labels"), "labels")
        })?;
        let mut rows = labels.first_of_classes(&shuffled(rng, self.rows()), share);
        rows.sort_unstable();
        Ok(self.select(&rows))
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
            }
            .into(),
            labels: Some(Labels {
                values: (0..rows.into()).collect(),
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
            aside.samples.gather(&[0]).unwrap().gather(&[0])[0],
            labels(&aside)[0] as f32 / 255.0
        );
    }

    /// 40 of class 0, 10 of class 1: a fifth of each.
    #[test]
    fn every_class_gives_its_share() {
        let mut data = numbered(50);
        data.labels = Some(Labels {
            values: (0..50).map(|row| u32::from(row % 5 == 0)).collect(),
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

    /// Every row is in one part, and of 40 and 10 rows each of five parts has 8 and 2.
    #[test]
    fn folds_share_out_all_rows() {
        let mut data = numbered(50);
        data.labels = Some(Labels {
            values: (0..50).map(|row| u32::from(row % 5 == 0)).collect(),
            classes: vec!["0".to_owned(), "1".to_owned()],
        });
        let mut seen = vec![0; 50];
        for fold in 1..=5 {
            let mut rng = stream(1, Stream::Folds);
            let (rest, part) = data.fold(5, fold, &mut rng).unwrap();
            assert_eq!((rest.rows(), part.rows()), (40, 10));
            let labels = &part.labels.as_ref().unwrap().values;
            assert_eq!(labels.iter().filter(|&&label| label == 1).count(), 2);
            for value in part
                .samples
                .all()
                .unwrap()
                .gather(&(0..10).collect::<Vec<_>>())
            {
                seen[(255.0 * value).round() as usize] += 1;
            }
        }
        assert_eq!(seen, [1; 50]);
        let mut rng = stream(1, Stream::Folds);
        assert!(data.fold(1, 1, &mut rng).is_err());
        assert!(data.fold(51, 1, &mut rng).is_err());
        assert!(data.fold(5, 6, &mut rng).is_err());
    }

    /// 44 of class 0, 4 of class 1, 2 of class 2: shares to the nearest row, and never none.
    #[test]
    fn shares_of_classes_are_stratified_and_nested() {
        let mut data = numbered(50);
        let class = |row: u32| [0, 1, 2][usize::from(row % 8 == 7) + usize::from(row % 24 == 23)];
        data.labels = Some(Labels {
            values: (0..50).map(class).collect(),
            classes: ["0", "1", "2"].map(str::to_owned).to_vec(),
        });
        for seed in 0..20 {
            let rows = |share: f64| {
                let mut rng = stream(seed, Stream::LabelledTrain);
                let part = data.share_of_classes(share, &mut rng).unwrap();
                let all: Vec<usize> = (0..part.rows()).collect();
                let values = part.samples.gather(&all).unwrap().gather(&all);
                let rows: Vec<u32> = values.iter().map(|v| (255.0 * v).round() as u32).collect();
                let labels = part.labels.unwrap().values;
                assert!(
                    rows.iter()
                        .zip(&labels)
                        .all(|(&row, &label)| label == class(row))
                );
                let counts = [0, 1, 2].map(|class| labels.iter().filter(|&&l| l == class).count());
                (rows, counts)
            };
            let shares = [1e-9, 0.1, 0.25, 0.5, 1.0].map(rows);
            let expected = [[1, 1, 1], [4, 1, 1], [11, 1, 1], [22, 2, 1], [44, 4, 2]];
            assert_eq!(shares.each_ref().map(|(_, counts)| *counts), expected);
            for pair in shares.windows(2) {
                assert!(pair[0].0.is_sorted());
                assert!(pair[0].0.iter().all(|row| pair[1].0.contains(row)));
            }
            assert_eq!(shares[4].0, (0..50).collect::<Vec<_>>());
        }
        let some = |seed| {
            let mut rng = stream(seed, Stream::LabelledTrain);
            data.share_of_classes(0.25, &mut rng).unwrap()
        };
        assert_ne!(some(1), some(2));
        for share in [0.0, -0.1, 1.1, f64::NAN] {
            let mut rng = stream(1, Stream::LabelledTrain);
            assert!(data.share_of_classes(share, &mut rng).is_err());
        }
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
