//! Samples with what is known about them: their labels and the shape of an image.

use std::path::Path;

use rand_core::Rng;
use sae_kernels::Setting;

use crate::idx::{read_images, read_labels};
use crate::random::shuffled;
use crate::{DataError, Samples};

/// Which samples of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Those to train on.
    Train,
    /// Those to evaluate on.
    Test,
}

/// Height and width of the image that a row of samples is, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
}

/// What each sample is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The class of each sample, an index into `classes`.
    pub values: Vec<u8>,
    /// The names of the classes.
    pub classes: Vec<String>,
}

impl Labels {
    fn select(&self, rows: &[usize]) -> Self {
        Self {
            values: rows.iter().map(|&row| self.values[row]).collect(),
            classes: self.classes.clone(),
        }
    }
}

/// Images, with labels where they have any.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// One row of pixels per image; where inputs are scaled, the scaled pixels.
    pub samples: Samples,
    /// The class of each image.
    pub labels: Option<Labels>,
    /// The shape of each image.
    pub image: ImageShape,
}

impl Dataset {
    /// Rows of `width` numbers, without labels; as pictures they are one pixel high.
    pub fn from_rows(width: usize, values: Vec<f32>) -> Self {
        Self {
            samples: Samples::Floats { width, values },
            labels: None,
            image: ImageShape { height: 1, width },
        }
    }

    /// Reads an IDX file of images and the IDX file of their labels, plain or gzip-compressed.
    /// The classes are named by their numbers, 0 up to the largest label.
    ///
    /// # Errors
    ///
    /// Refuses files that are not IDX, images that are labels and the reverse, sizes that do not
    /// match the file, an empty set, and counts that differ.
    pub fn read_idx(images: &Path, labels: &Path) -> Result<Self, DataError> {
        let (image, samples) = read_images(images)?;
        let label_values = read_labels(labels)?;
        if label_values.len() != samples.rows() {
            return Err(DataError::Counts {
                images_path: images.to_owned(),
                images: samples.rows(),
                labels_path: labels.to_owned(),
                labels: label_values.len(),
            });
        }
        let largest = label_values.iter().copied().max().unwrap_or(0);
        Ok(Self {
            samples,
            labels: Some(Labels {
                values: label_values,
                classes: (0..=largest).map(|class| class.to_string()).collect(),
            }),
            image,
        })
    }

    /// Reads an IDX file of images, without labels.
    ///
    /// # Errors
    ///
    /// As [`Dataset::read_idx`].
    pub fn read_idx_images(images: &Path) -> Result<Self, DataError> {
        let (image, samples) = read_images(images)?;
        Ok(Self {
            samples,
            labels: None,
            image,
        })
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
        }
    }

    /// Sets a random share of the images aside: (the rest, the share). Both keep the original
    /// order; the share has at least one image, and so has the rest.
    ///
    /// # Errors
    ///
    /// Refuses a share outside (0, 1) and a set of fewer than two images.
    pub fn split(&self, share: f64, rng: &mut impl Rng) -> Result<(Self, Self), DataError> {
        if !(share > 0.0 && share < 1.0) || self.rows() < 2 {
            let found = format!("{share} of {} images", self.rows());
            let expected = "a share in (0, 1) of at least two images";
            return Err(Setting::new("validation", found, expected).into());
        }
        let count = (self.rows() as f64 * share).round() as usize;
        let count = count.clamp(1, self.rows() - 1);
        let mut order = shuffled(rng, self.rows());
        let mut aside = order.split_off(self.rows() - count);
        order.sort_unstable();
        aside.sort_unstable();
        Ok((self.select(&order), self.select(&aside)))
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
            image: ImageShape {
                height: 1,
                width: 1,
            },
        }
    }

    #[test]
    fn a_split_loses_and_doubles_nothing() {
        let mut rng = stream(1, Stream::Split);
        let (rest, aside) = numbered(50).split(0.2, &mut rng).unwrap();
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

    #[test]
    fn neither_side_of_a_split_is_empty() {
        for share in [1e-6, 1.0 - 1e-6] {
            let mut rng = stream(1, Stream::Split);
            let (rest, aside) = numbered(3).split(share, &mut rng).unwrap();
            assert!(rest.rows() > 0 && aside.rows() > 0);
        }
        assert!(
            numbered(3)
                .split(1.0, &mut stream(1, Stream::Split))
                .is_err()
        );
        assert!(
            numbered(1)
                .split(0.5, &mut stream(1, Stream::Split))
                .is_err()
        );
    }
}
