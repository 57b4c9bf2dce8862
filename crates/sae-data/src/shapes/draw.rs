//! Anti-aliased drawing of one shape.

use tiny_skia::{FillRule, LineJoin, Mask, Path, PathBuilder, Stroke, Transform};

use super::factors::{Factors, ShapeKind};

/// Radius of the star's inner corners over that of its points: a regular pentagram,
/// cos 72° / cos 36°.
pub(super) const STAR_INNER: f64 = 0.381_966_011_250_105;

/// Width of the cross's arms over their length.
pub(super) const CROSS_ARM: f64 = 0.35;

/// How much of each pixel the shape covers, in [0, 1], row by row: the sector that is missing is
/// not covered.
pub(super) fn coverage(factors: &Factors, size: usize) -> Vec<f64> {
    let side = size as u32;
    let mut mask = Mask::new(side, side).expect("sizes of 4 to 1024 pixels fit a mask");
    if let Some(path) = contour(factors) {
        mask.fill_path(&path, FillRule::Winding, true, Transform::identity());
    }
    let mut pixels: Vec<f64> = mask.data().iter().map(|&v| f64::from(v) / 255.0).collect();
    if let Some(sector) = missing_sector(factors, size) {
        mask.clear();
        mask.fill_path(&sector, FillRule::Winding, true, Transform::identity());
        for (pixel, &cut) in pixels.iter_mut().zip(mask.data()) {
            *pixel *= 1.0 - f64::from(cut) / 255.0;
        }
    }
    pixels
}

/// The outline of the area to fill, in pixels. A line with round joins reaches half its width
/// beyond the path that it follows, everywhere: the path keeps that distance from the circle.
fn contour(factors: &Factors) -> Option<Path> {
    let radius = factors.radius - factors.line_width / 2.0;
    let corners = corners(factors);
    let path = if corners.is_empty() {
        PathBuilder::from_circle(factors.x as f32, factors.y as f32, radius as f32)?
    } else {
        polygon(factors, radius, &corners)?
    };
    if factors.line_width == 0.0 {
        return Some(path);
    }
    let stroke = Stroke {
        width: factors.line_width as f32,
        line_join: LineJoin::Round,
        ..Stroke::default()
    };
    path.stroke(&stroke, 1.0)
}

/// The corners of a shape of radius 1 around the origin; none for the circle.
fn corners(factors: &Factors) -> Vec<(f64, f64)> {
    let polar = |degrees: f64, radius: f64| {
        let (sin, cos) = degrees.to_radians().sin_cos();
        (radius * cos, radius * sin)
    };
    match factors.kind {
        ShapeKind::Circle => vec![],
        ShapeKind::Triangle => (0..3).map(|i| polar(f64::from(i) * 120.0, 1.0)).collect(),
        ShapeKind::Rectangle => {
            let (w, h) = on_unit_circle(factors.aspect);
            vec![(w, h), (-w, h), (-w, -h), (w, -h)]
        }
        ShapeKind::Star => (0..10)
            .map(|i| {
                polar(
                    f64::from(i) * 36.0,
                    if i % 2 == 0 { 1.0 } else { STAR_INNER },
                )
            })
            .collect(),
        ShapeKind::Cross => {
            let (l, a) = on_unit_circle(CROSS_ARM);
            vec![
                (l, a),
                (a, a),
                (a, l),
                (-a, l),
                (-a, a),
                (-l, a),
                (-l, -a),
                (-a, -a),
                (-a, -l),
                (a, -l),
                (a, -a),
                (l, -a),
            ]
        }
    }
}

/// The point (w, h) on the unit circle with h / w = `ratio`.
fn on_unit_circle(ratio: f64) -> (f64, f64) {
    let w = 1.0 / ratio.hypot(1.0);
    (w, ratio * w)
}

fn polygon(factors: &Factors, radius: f64, corners: &[(f64, f64)]) -> Option<Path> {
    let (sin, cos) = factors.orientation.to_radians().sin_cos();
    closed(corners.iter().map(|&(u, v)| {
        let x = factors.x + radius * (u * cos - v * sin);
        let y = factors.y + radius * (u * sin + v * cos);
        (x, y)
    }))
}

/// A fan from the centre that reaches beyond the image.
fn missing_sector(factors: &Factors, size: usize) -> Option<Path> {
    const STEPS: u32 = 32;
    if factors.missing <= 0.0 {
        return None;
    }
    let reach = 4.0 * size as f64;
    let rim = (0..=STEPS).map(|step| {
        let share = f64::from(step) / f64::from(STEPS);
        let degrees = factors.missing_from + 360.0 * factors.missing * share;
        let (sin, cos) = degrees.to_radians().sin_cos();
        (factors.x + reach * cos, factors.y + reach * sin)
    });
    closed(std::iter::once((factors.x, factors.y)).chain(rim))
}

fn closed(points: impl Iterator<Item = (f64, f64)>) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for (index, (x, y)) in points.enumerate() {
        if index == 0 {
            builder.move_to(x as f32, y as f32);
        } else {
            builder.line_to(x as f32, y as f32);
        }
    }
    builder.close();
    builder.finish()
}
