//! The shapes generator: grey images of circles, triangles, rectangles, stars and crosses, each at
//! a random place, size, orientation and contrast, blurred, incomplete and noisy.

mod blur;
mod draw;

use std::fmt;

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::random::gaussian_pair;
use crate::{DataError, Dataset, ImageShape, Labels, Samples, uniform};

/// Words of the random stream that the factors of an image may use, and more.
const FACTOR_WORDS: u128 = 64;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShapeKind {
    /// A disc.
    Circle,
    /// An equilateral triangle.
    Triangle,
    /// A rectangle of random aspect.
    Rectangle,
    /// A five-pointed star.
    Star,
    /// A Greek cross.
    Cross,
}

impl fmt::Display for ShapeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Circle => "circle",
            Self::Triangle => "triangle",
            Self::Rectangle => "rectangle",
            Self::Star => "star",
            Self::Cross => "cross",
        })
    }
}

/// Whether shapes are filled or drawn as lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShapeStyle {
    /// The whole area.
    Filled,
    /// The contour, a line of `line_width` pixels.
    Outline,
}

/// How images are drawn. Every range is `[low, high]`; a factor is drawn uniformly from it for
/// each image. Keys and defaults are listed in `docs/config.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShapesConfig {
    /// The classes, each drawn equally often.
    pub kinds: Vec<ShapeKind>,
    /// Height and width of an image in pixels.
    pub size: usize,
    /// Number of training images.
    pub train: usize,
    /// Number of test images.
    pub test: usize,
    /// Filled areas or outlines.
    pub style: ShapeStyle,
    /// Width of an outline in pixels.
    pub line_width: [f64; 2],
    /// Radius of the circumscribed circle, as a share of half the image size.
    pub radius: [f64; 2],
    /// Place of the centre, horizontally and vertically, as a share of the room that the radius
    /// leaves: −1 touches one side, 1 the other, 0 is the middle.
    pub position: [f64; 2],
    /// Rotation in degrees.
    pub orientation: [f64; 2],
    /// Brightness of the shape on the black ground.
    pub contrast: [f64; 2],
    /// Standard deviation of the Gaussian blur in pixels.
    pub blur: [f64; 2],
    /// Share of the shape that is missing: a sector seen from its centre, in any direction.
    pub missing: [f64; 2],
    /// Standard deviation of the noise added to each pixel.
    pub noise: [f64; 2],
}

impl Default for ShapesConfig {
    fn default() -> Self {
        use ShapeKind::{Circle, Cross, Rectangle, Star, Triangle};
        Self {
            kinds: vec![Circle, Triangle, Rectangle, Star, Cross],
            size: 30,
            train: 10_000,
            test: 2_000,
            style: ShapeStyle::Outline,
            line_width: [1.5, 2.5],
            radius: [0.35, 0.75],
            position: [-1.0, 1.0],
            orientation: [0.0, 360.0],
            contrast: [0.7, 1.0],
            blur: [0.0, 1.0],
            missing: [0.0, 0.2],
            noise: [0.0, 0.01],
        }
    }
}

/// The true factors of one image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Factors {
    /// What is drawn.
    pub kind: ShapeKind,
    /// Column of the centre in pixels, from the left edge.
    pub x: f64,
    /// Row of the centre in pixels, from the top edge.
    pub y: f64,
    /// Radius of the circumscribed circle in pixels.
    pub radius: f64,
    /// Rotation in degrees, clockwise on the screen.
    pub orientation: f64,
    /// Height over width of a rectangle; 1 for the others.
    pub aspect: f64,
    /// Width of the outline in pixels; 0 for a filled shape.
    pub line_width: f64,
    /// Brightness of the shape.
    pub contrast: f64,
    /// Standard deviation of the blur in pixels.
    pub blur: f64,
    /// Share of the full turn that is cut out.
    pub missing: f64,
    /// Where the cut begins, in degrees.
    pub missing_from: f64,
    /// Standard deviation of the noise.
    pub noise: f64,
}

impl ShapesConfig {
    /// Checks every range, naming the first that is wrong.
    ///
    /// # Errors
    ///
    /// Refuses fewer than two kinds or a kind named twice, sizes of 0 or too large to draw, ranges
    /// upside down or outside what the drawing allows.
    pub fn check(&self) -> Result<(), DataError> {
        let distinct = (1..self.kinds.len()).all(|i| !self.kinds[..i].contains(&self.kinds[i]));
        if self.kinds.len() < 2 || !distinct {
            let names: Vec<_> = self.kinds.iter().map(ToString::to_string).collect();
            return refuse("kinds", names.join(", "), "two or more different shapes");
        }
        if !(4..=1024).contains(&self.size) {
            return refuse("size", self.size, "4 to 1024 pixels");
        }
        for (name, count) in [("train", self.train), ("test", self.test)] {
            if count == 0 {
                return refuse(name, count, "at least 1 image");
            }
        }
        let half = self.size as f64 / 2.0;
        for (name, [low, high], least, most) in [
            ("line_width", self.line_width, 0.1, half),
            ("radius", self.radius, 0.05, 1.0),
            ("position", self.position, -1.0, 1.0),
            ("orientation", self.orientation, -360.0, 360.0),
            ("contrast", self.contrast, 0.0, 1.0),
            ("blur", self.blur, 0.0, half),
            ("missing", self.missing, 0.0, 0.9),
            ("noise", self.noise, 0.0, 1.0),
        ] {
            if !(least <= low && low <= high && high <= most) {
                let expected = format!("[low, high] with {least} <= low <= high <= {most}");
                return refuse(name, format!("[{low}, {high}]"), expected);
            }
        }
        Ok(())
    }

    /// Draws `count` images with the random numbers of `rng`. The kinds take turns, so that the
    /// classes are balanced. Every image has a place of its own in the random stream: image k is
    /// the same however many are drawn, and threads can share them out.
    ///
    /// # Errors
    ///
    /// As [`ShapesConfig::check`].
    pub fn generate(
        &self,
        count: usize,
        rng: &ChaCha8Rng,
    ) -> Result<(Dataset, Vec<Factors>), DataError> {
        self.check()?;
        let pixels = self.size * self.size;
        // Two words per uniform number: one number per pixel for the noise, and the factors.
        let words = 2 * (pixels as u128 + 1) + FACTOR_WORDS;
        let mut values = vec![0; count * pixels];
        let images = values.par_chunks_mut(pixels).enumerate();
        let factors = images
            .map(|(index, image)| {
                let mut rng = rng.clone();
                rng.set_word_pos(index as u128 * words);
                let drawn = self.draw_factors(self.kinds[index % self.kinds.len()], &mut rng);
                self.draw(&drawn, &mut rng, image);
                drawn
            })
            .collect();
        let dataset = Dataset {
            samples: Samples::Bytes {
                width: self.size * self.size,
                values,
            },
            labels: Some(Labels {
                values: (0..count).map(|i| (i % self.kinds.len()) as u8).collect(),
                classes: self.kinds.iter().map(ToString::to_string).collect(),
            }),
            image: ImageShape {
                height: self.size,
                width: self.size,
            },
        };
        Ok((dataset, factors))
    }

    fn draw_factors(&self, kind: ShapeKind, rng: &mut impl Rng) -> Factors {
        let half = self.size as f64 / 2.0;
        let mut pick = |[low, high]: [f64; 2]| uniform(rng, low, high);
        let radius = half * pick(self.radius);
        let room = half - radius;
        Factors {
            kind,
            x: half + room * pick(self.position),
            y: half + room * pick(self.position),
            radius,
            orientation: pick(self.orientation),
            aspect: match kind {
                ShapeKind::Rectangle => pick([0.4, 1.0]),
                _ => 1.0,
            },
            line_width: match self.style {
                ShapeStyle::Filled => 0.0,
                ShapeStyle::Outline => pick(self.line_width),
            },
            contrast: pick(self.contrast),
            blur: pick(self.blur),
            missing: pick(self.missing),
            missing_from: pick([0.0, 360.0]),
            noise: pick(self.noise),
        }
    }

    /// The pixels of one image: coverage by the shape, blurred, scaled by the contrast, with noise.
    fn draw(&self, factors: &Factors, rng: &mut impl Rng, image: &mut [u8]) {
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

fn refuse(
    name: &'static str,
    found: impl ToString,
    expected: impl Into<String>,
) -> Result<(), DataError> {
    Err(DataError::Setting {
        name,
        found: found.to_string(),
        expected: expected.into(),
    })
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
            radius: [0.8, 0.8],
            position: [0.0, 0.0],
            contrast: [1.0, 1.0],
            blur: [0.0, 0.0],
            missing: [0.0, 0.0],
            noise: [0.0, 0.0],
            ..ShapesConfig::default()
        }
    }

    fn area(config: &ShapesConfig, index: usize) -> (f64, Factors) {
        let rng = stream(1, Stream::ShapesTrain);
        let (dataset, factors) = config.generate(5, &rng).unwrap();
        let sum: f32 = dataset.samples.gather(&[index]).iter().sum();
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
            missing: [0.25, 0.25],
            ..clean(200)
        };
        let share = area(&config, 0).0 / whole;
        assert!((share - 0.75).abs() < 0.01, "{share}");
    }

    #[test]
    fn blur_keeps_the_sum_and_contrast_scales_it() {
        let whole = area(&clean(100), 0).0;
        let blurred = ShapesConfig {
            blur: [1.5, 1.5],
            ..clean(100)
        };
        assert!((area(&blurred, 0).0 / whole - 1.0).abs() < 0.01);
        let faint = ShapesConfig {
            contrast: [0.5, 0.5],
            ..clean(100)
        };
        assert!((area(&faint, 0).0 / whole - 0.5).abs() < 0.01);
    }

    #[test]
    fn noise_has_the_configured_deviation() {
        let config = ShapesConfig {
            contrast: [0.5, 0.5],
            noise: [0.1, 0.1],
            radius: [1.0, 1.0],
            ..clean(60)
        };
        let rng = stream(9, Stream::ShapesTrain);
        let (dataset, _) = config.generate(1, &rng).unwrap();
        let pixels = dataset.samples.gather(&[0]);
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

    #[test]
    fn every_shape_lies_within_its_image() {
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
        wrong(|c| c.radius = [0.9, 0.3], "radius is [0.9, 0.3]");
        wrong(|c| c.contrast = [0.5, 1.5], "contrast is");
        wrong(|c| c.noise = [f64::NAN, 0.1], "noise is");
        wrong(|c| c.missing = [-0.1, 0.1], "missing is");
        ShapesConfig::default().check().unwrap();
    }
}
