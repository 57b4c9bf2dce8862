//! The shapes generator: grey images of circles, triangles, rectangles, stars and crosses, each at
//! a random place, size, orientation and contrast, blurred, incomplete and noisy.

mod blur;
mod config;
mod draw;
mod factors;

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use rayon::prelude::*;

use crate::random::gaussian_pair;
use crate::{DataError, Dataset, ImageShape, Interval, Labels, Part, Samples, Stream, stream};

pub use config::ShapesConfig;
pub use factors::{Factors, ShapeKind, ShapeStyle};

/// Words of the random stream that the factors of an image may use, and more.
const FACTOR_WORDS: u128 = 64;
/// Height over width of a rectangle.
const ASPECT: [f64; 2] = [0.4, 1.0];

impl ShapesConfig {
    /// Draws the images of a part; the same seed gives the same images.
    ///
    /// # Errors
    ///
    /// As [`ShapesConfig::check`].
    pub fn draw(&self, part: Part, seed: u64) -> Result<Dataset, DataError> {
        let (count, purpose) = self.part(part);
        Ok(self.generate(count, &stream(seed, purpose))?.0)
    }

    /// The true factors of the images of a part, without drawing them.
    ///
    /// # Errors
    ///
    /// As [`ShapesConfig::check`].
    pub fn factors(&self, part: Part, seed: u64) -> Result<Vec<Factors>, DataError> {
        self.check()?;
        let (count, purpose) = self.part(part);
        let rng = stream(seed, purpose);
        let of_image =
            |index: usize| self.draw_factors(self.kind(index), &mut self.rng(&rng, index));
        Ok((0..count).map(of_image).collect())
    }

    fn part(&self, part: Part) -> (usize, Stream) {
        match part {
            Part::Train => (self.train, Stream::ShapesTrain),
            Part::Test => (self.test, Stream::ShapesTest),
        }
    }

    /// The kinds take turns, so that the classes are balanced.
    fn kind(&self, index: usize) -> ShapeKind {
        self.kinds[index % self.kinds.len()]
    }

    /// The random numbers of an image, which has a place of its own in the stream.
    fn rng(&self, rng: &ChaCha8Rng, index: usize) -> ChaCha8Rng {
        // Two words per uniform number: one number per pixel for the noise, and the factors.
        let words = 2 * (self.size as u128 * self.size as u128 + 1) + FACTOR_WORDS;
        let mut rng = rng.clone();
        rng.set_word_pos(index as u128 * words);
        rng
    }

    /// Draws `count` images with the random numbers of `rng`. Every image has a place of its own in
    /// the random stream: image k is the same however many are drawn, and threads can share them out.
    ///
    /// # Errors
    ///
    /// As [`ShapesConfig::check`], for `count` images.
    pub fn generate(
        &self,
        count: usize,
        rng: &ChaCha8Rng,
    ) -> Result<(Dataset, Vec<Factors>), DataError> {
        self.check()?;
        self.check_memory("count", count, count as u128)?;
        let pixels = self.size * self.size;
        let mut values = vec![0; count * pixels];
        let images = values.par_chunks_mut(pixels).enumerate();
        let factors = images
            .map(|(index, image)| {
                let mut rng = self.rng(rng, index);
                let drawn = self.draw_factors(self.kind(index), &mut rng);
                self.paint(&drawn, &mut rng, image);
                drawn
            })
            .collect();
        let dataset = Dataset {
            samples: Samples::Bytes {
                width: self.size * self.size,
                values,
            }
            .into(),
            labels: Some(Labels {
                values: (0..count).map(|i| (i % self.kinds.len()) as u32).collect(),
                classes: self.kinds.iter().map(ToString::to_string).collect(),
            }),
            image: ImageShape::grey(self.size, self.size),
            names: vec![],
        };
        Ok((dataset, factors))
    }

    fn draw_factors(&self, kind: ShapeKind, rng: &mut impl Rng) -> Factors {
        let half = self.size as f64 / 2.0;
        let mut pick = |interval: Interval| interval.draw(rng);
        let radius = half * pick(self.radius);
        let room = half - radius;
        Factors {
            kind,
            x: half + room * pick(self.position),
            y: half + room * pick(self.position),
            radius,
            orientation: pick(self.orientation),
            aspect: match kind {
                ShapeKind::Rectangle => pick(ASPECT.into()),
                _ => 1.0,
            },
            line_width: match self.style {
                ShapeStyle::Filled => 0.0,
                // A wider line would not fit into the circle.
                ShapeStyle::Outline => pick(self.line_width).min(radius),
            },
            contrast: pick(self.contrast),
            blur: pick(self.blur),
            missing: pick(self.missing),
            missing_from: pick([0.0, 360.0].into()),
            noise: pick(self.noise),
        }
    }

    /// The pixels of one image: coverage by the shape, blurred, scaled by the contrast, with noise.
    fn paint(&self, factors: &Factors, rng: &mut impl Rng, image: &mut [u8]) {
        let mut pixels = draw::coverage(factors, self.size);
        blur::gaussian_blur(&mut pixels, self.size, factors.blur);
        for (image, pixels) in image.chunks_mut(2).zip(pixels.chunks(2)) {
            let noise = gaussian_pair(rng);
            for ((pixel, coverage), noise) in image.iter_mut().zip(pixels).zip(noise) {
                let value = coverage * factors.contrast + factors.noise * noise;
                // The conversion cuts off: with a half added it rounds.
                *pixel = (255.0 * value.clamp(0.0, 1.0) + 0.5) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Stream, stream};

    /// One clean, centred shape of each kind.
    fn clean(size: usize) -> ShapesConfig {
        ShapesConfig {
            size,
            style: ShapeStyle::Filled,
            radius: [0.8, 0.8].into(),
            position: [0.0, 0.0].into(),
            contrast: [1.0, 1.0].into(),
            blur: [0.0, 0.0].into(),
            missing: [0.0, 0.0].into(),
            noise: [0.0, 0.0].into(),
            ..ShapesConfig::default()
        }
    }

    fn pixels(dataset: &Dataset, index: usize) -> Vec<f32> {
        dataset.samples.gather(&[index]).unwrap().gather(&[0])
    }

    fn area(config: &ShapesConfig, index: usize) -> (f64, Factors) {
        let rng = stream(1, Stream::ShapesTrain);
        let (dataset, factors) = config.generate(5, &rng).unwrap();
        let sum: f32 = pixels(&dataset, index).iter().sum();
        (f64::from(sum), factors[index])
    }

    /// The drawn areas are those of geometry: πr², (3√3/4)r², 4r²a/(1+a²), and for the star and
    /// the cross as their proportions give.
    #[test]
    fn areas_are_those_of_geometry() {
        let config = clean(200);
        let radius = 80.0f64;
        let (rectangle, factors) = area(&config, 2);
        let a = factors.aspect;
        let inner = draw::STAR_INNER;
        let arm = draw::CROSS_ARM;
        let star = 5.0 * inner * (36f64).to_radians().sin();
        let half_length = 1.0 / (1.0 + arm * arm).sqrt();
        let cross = 4.0 * half_length.powi(2) * (2.0 * arm - arm * arm);
        for (found, expected) in [
            (area(&config, 0).0, std::f64::consts::PI),
            (area(&config, 1).0, 0.75 * 3f64.sqrt()),
            (rectangle, 4.0 * a / (1.0 + a * a)),
            (area(&config, 3).0, star),
            (area(&config, 4).0, cross),
        ] {
            let share = found / (radius * radius);
            assert!(
                (share - expected).abs() < 0.01 * expected,
                "{share} {expected}"
            );
        }
    }

    #[test]
    fn a_missing_sector_takes_its_share() {
        let whole = area(&clean(200), 0).0;
        let config = ShapesConfig {
            missing: [0.25, 0.25].into(),
            ..clean(200)
        };
        let share = area(&config, 0).0 / whole;
        assert!((share - 0.75).abs() < 0.01, "{share}");
    }

    #[test]
    fn blur_keeps_the_sum_and_contrast_scales_it() {
        let whole = area(&clean(100), 0).0;
        let blurred = ShapesConfig {
            blur: [1.5, 1.5].into(),
            ..clean(100)
        };
        assert!((area(&blurred, 0).0 / whole - 1.0).abs() < 0.01);
        let faint = ShapesConfig {
            contrast: [0.5, 0.5].into(),
            ..clean(100)
        };
        assert!((area(&faint, 0).0 / whole - 0.5).abs() < 0.01);
    }

    #[test]
    fn noise_has_the_configured_deviation() {
        let config = ShapesConfig {
            contrast: [0.5, 0.5].into(),
            noise: [0.1, 0.1].into(),
            radius: [1.0, 1.0].into(),
            ..clean(60)
        };
        let rng = stream(9, Stream::ShapesTrain);
        let (dataset, _) = config.generate(1, &rng).unwrap();
        let pixels = pixels(&dataset, 0);
        let middle: Vec<f32> = (20..40)
            .flat_map(|row| pixels[row * 60 + 20..row * 60 + 40].to_vec())
            .collect();
        let n = middle.len() as f32;
        let mean = middle.iter().sum::<f32>() / n;
        let deviation = (middle.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt();
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        assert!((deviation - 0.1).abs() < 0.015, "{deviation}");
    }

    #[test]
    fn the_same_seed_draws_the_same_images() {
        let config = ShapesConfig::default();
        let draw = |seed| {
            let rng = stream(seed, Stream::ShapesTrain);
            config.generate(20, &rng).unwrap()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1).0, draw(2).0);
    }

    /// The square of a pixel lies within a pixel of the circle around the shape, wherever the shape
    /// leaves a trace; the drawing smooths edges over one pixel.
    #[test]
    fn what_is_drawn_lies_within_its_circle() {
        for line_width in [[1.5, 2.5], [0.1, 15.0]] {
            let config = ShapesConfig {
                blur: [0.0, 0.0].into(),
                missing: [0.0, 0.0].into(),
                noise: [0.0, 0.0].into(),
                line_width: line_width.into(),
                ..ShapesConfig::default()
            };
            let rng = stream(5, Stream::ShapesTrain);
            let (dataset, factors) = config.generate(10_000, &rng).unwrap();
            for (index, f) in factors.iter().enumerate() {
                let image = pixels(&dataset, index);
                let mut reach = 0.0f64;
                for place in (0..900).filter(|&place| image[place] > 0.0) {
                    let (row, column) = ((place / 30) as f64, (place % 30) as f64);
                    let (x, y) = (f.x.clamp(column, column + 1.0), f.y.clamp(row, row + 1.0));
                    reach = reach.max((x - f.x).hypot(y - f.y));
                }
                assert!(reach < f.radius + 0.1, "{f:?}: {reach}");
                // Nor is the shape smaller than it must be.
                assert!(reach > f.radius - 1.5, "{f:?}: {reach}");
            }
        }
    }

    #[test]
    fn every_circle_lies_within_its_image() {
        let config = ShapesConfig::default();
        let rng = stream(5, Stream::ShapesTrain);
        let (_, factors) = config.generate(500, &rng).unwrap();
        for f in factors {
            for centre in [f.x, f.y] {
                assert!(centre - f.radius >= -1e-9 && centre + f.radius <= 30.0 + 1e-9);
            }
        }
    }

    #[test]
    fn ranges_are_checked_by_name() {
        let wrong = |change: fn(&mut ShapesConfig), name: &str| {
            let mut config = ShapesConfig::default();
            change(&mut config);
            let message = config.check().unwrap_err().to_string();
            assert!(message.starts_with(name), "{message}");
        };
        wrong(|c| c.kinds.truncate(1), "kinds is circle");
        wrong(
            |c| c.kinds[1] = ShapeKind::Circle,
            "kinds is circle, circle",
        );
        wrong(|c| c.size = 0, "size is 0");
        wrong(|c| c.train = 0, "train is 0");
        wrong(
            |c| c.train = 100_000_000_000,
            "train is 100000000000; expected at most what fits",
        );
        wrong(|c| c.test = usize::MAX, "test is");
        wrong(|c| c.radius = [0.9, 0.3].into(), "radius is [0.9, 0.3]");
        wrong(|c| c.contrast = [0.5, 1.5].into(), "contrast is");
        wrong(|c| c.noise = [f64::NAN, 0.1].into(), "noise is");
        wrong(|c| c.missing = [-0.1, 0.1].into(), "missing is");
        ShapesConfig::default().check().unwrap();
    }
}
