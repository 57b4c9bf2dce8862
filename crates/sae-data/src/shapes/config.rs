//! How images are drawn.

use sae_kernels::Setting;
use sae_kernels::setting::at_least_one;
use serde::{Deserialize, Serialize};

use super::{Factors, ShapeKind, ShapeStyle};
use crate::{Interval, memory};

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
    /// Width of an outline in pixels, at most the radius of its circle.
    pub line_width: Interval,
    /// Radius of the circle around all that is drawn, the outline's width included, as a share of
    /// half the image size.
    pub radius: Interval,
    /// Place of the centre, horizontally and vertically, as a share of the room that the radius
    /// leaves: at −1 the circle touches one side, at 1 the other, 0 is the middle.
    pub position: Interval,
    /// Rotation in degrees.
    pub orientation: Interval,
    /// Brightness of the shape on the black ground.
    pub contrast: Interval,
    /// Standard deviation of the Gaussian blur in pixels.
    pub blur: Interval,
    /// Share of the shape that is missing: a sector seen from its centre, in any direction.
    pub missing: Interval,
    /// Standard deviation of the noise added to each pixel.
    pub noise: Interval,
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
            line_width: [1.5, 2.5].into(),
            radius: [0.42, 0.82].into(),
            position: [-1.0, 1.0].into(),
            orientation: [0.0, 360.0].into(),
            contrast: [0.7, 1.0].into(),
            blur: [0.0, 1.0].into(),
            missing: [0.0, 0.2].into(),
            noise: [0.0, 0.01].into(),
        }
    }
}

impl ShapesConfig {
    /// Checks every range, naming the first that is wrong.
    ///
    /// # Errors
    ///
    /// Refuses fewer than two kinds or a kind named twice, sizes of 0 or too large to draw, more
    /// images than fit in memory, ranges upside down or outside what the drawing allows.
    pub fn check(&self) -> Result<(), Setting> {
        let distinct = (1..self.kinds.len()).all(|i| !self.kinds[..i].contains(&self.kinds[i]));
        if self.kinds.len() < 2 || !distinct {
            let names: Vec<_> = self.kinds.iter().map(ToString::to_string).collect();
            let expected = "two or more different shapes";
            return Err(Setting::new("kinds", names.join(", "), expected));
        }
        if !(4..=1024).contains(&self.size) {
            return Err(Setting::new("size", self.size, "4 to 1024 pixels"));
        }
        let half = self.size as f64 / 2.0;
        for (name, interval, least, most) in [
            ("line_width", self.line_width, 0.1, half),
            ("radius", self.radius, 0.05, 1.0),
            ("position", self.position, -1.0, 1.0),
            ("orientation", self.orientation, -360.0, 360.0),
            ("contrast", self.contrast, 0.0, 1.0),
            ("blur", self.blur, 0.0, half),
            ("missing", self.missing, 0.0, 0.9),
            ("noise", self.noise, 0.0, 1.0),
        ] {
            interval.check(name, least, most)?;
        }
        let mut all = 0;
        for (name, count) in [("train", self.train), ("test", self.test)] {
            at_least_one(name, count)?;
            all += count as u128;
            self.check_memory(name, count, all)?;
        }
        Ok(())
    }

    /// Checks that `all` images, of which the setting `name` asks for `count`, fit in memory with
    /// their factors and labels.
    pub(super) fn check_memory(
        &self,
        name: &'static str,
        count: usize,
        all: u128,
    ) -> Result<(), Setting> {
        let size = self.size;
        let one = size * size + size_of::<Factors>() + size_of::<u8>();
        let what = format!("{all} images of {size} x {size}");
        memory::check(name, count, what, all.saturating_mul(one as u128))
    }
}
