//! What an image shows, and all that it depends on.

use std::fmt;

use serde::{Deserialize, Serialize};

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

impl ShapeKind {
    /// The turn in degrees after which the shape looks the same; nothing where it always does.
    pub fn symmetry(self) -> Option<f64> {
        match self {
            Self::Circle => None,
            Self::Triangle => Some(120.0),
            Self::Rectangle => Some(180.0),
            Self::Star => Some(72.0),
            Self::Cross => Some(90.0),
        }
    }
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

/// The true factors of one image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Factors {
    /// What is drawn.
    pub kind: ShapeKind,
    /// Column of the centre in pixels, from the left edge.
    pub x: f64,
    /// Row of the centre in pixels, from the top edge.
    pub y: f64,
    /// Radius in pixels of the circle around all that is drawn, the outline's width included.
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
