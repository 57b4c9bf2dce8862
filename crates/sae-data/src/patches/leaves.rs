//! Pictures with the statistics of natural ones: "dead leaves".
//!
//! Discs of random size and brightness fall on one another. With radii distributed as r⁻³ the
//! result has edges of every orientation at every scale, and nearly the 1/f² spectrum of
//! photographs (Lee, Mumford and Huang, "Occlusion models for natural images", IJCV 41, 2001).

use rand_core::Rng;

use super::picture::Picture;
use crate::{ImageShape, uniform};

/// Radius of the smallest leaf in pixels.
const SMALLEST: f64 = 2.0;

/// Memory that a pixel takes while it is drawn: its brightness, its bare share, and its byte.
pub(super) const BYTES_PER_PIXEL: u128 = 8 + 8 + 1;

/// A square picture of `size` × `size` pixels. Leaves are laid from the front to the back until
/// every pixel is covered, which gives exactly the picture that infinitely many leaves leave.
pub fn dead_leaves(size: usize, rng: &mut impl Rng) -> Picture {
    let largest = (size as f64 / 4.0).max(2.0 * SMALLEST);
    let mut canvas = Canvas::new(size);
    while canvas.bare > 0 {
        let radius = radius(rng, largest);
        let mut place = || uniform(rng, -largest, size as f64 + largest);
        let (x, y) = (place(), place());
        canvas.lay(x, y, radius, uniform(rng, 0.0, 1.0));
    }
    Picture {
        shape: ImageShape::grey(size, size),
        pixels: canvas.bytes(),
    }
}

/// A radius in [SMALLEST, largest) with density proportional to r⁻³, by inversion of its
/// distribution.
fn radius(rng: &mut impl Rng, largest: f64) -> f64 {
    let (a, b) = (SMALLEST.powi(-2), largest.powi(-2));
    (a - uniform(rng, 0.0, 1.0) * (a - b)).powf(-0.5)
}

/// A picture that is covered from the front to the back.
struct Canvas {
    size: usize,
    /// Brightness so far, of the covered share.
    light: Vec<f64>,
    /// Share of each pixel that is still bare.
    open: Vec<f64>,
    /// Pixels that are not yet covered.
    bare: usize,
}

/// A pixel of which less is open counts as covered.
const CLOSED: f64 = 1e-3;

impl Canvas {
    fn new(size: usize) -> Self {
        Self {
            size,
            light: vec![0.0; size * size],
            open: vec![1.0; size * size],
            bare: size * size,
        }
    }

    /// Lays a disc behind all that is there. A pixel on its edge is covered by the share that the
    /// distance of its middle from the edge gives.
    fn lay(&mut self, x: f64, y: f64, radius: f64, brightness: f64) {
        let span = |middle: f64| {
            let first = (middle - radius - 1.0).floor().max(0.0) as usize;
            let last = (middle + radius + 1.0).ceil().max(0.0) as usize;
            first.min(self.size)..last.min(self.size)
        };
        let (rows, columns) = (span(y), span(x));
        for row in rows {
            for column in columns.clone() {
                let at = row * self.size + column;
                if self.open[at] < CLOSED {
                    continue;
                }
                let distance = (column as f64 + 0.5 - x).hypot(row as f64 + 0.5 - y);
                let share = (radius - distance + 0.5).clamp(0.0, 1.0);
                self.light[at] += self.open[at] * share * brightness;
                self.open[at] *= 1.0 - share;
                if self.open[at] < CLOSED {
                    self.bare -= 1;
                }
            }
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let pixels = self.light.iter();
        pixels.map(|v| (v * 255.0).round() as u8).collect()
    }
}
