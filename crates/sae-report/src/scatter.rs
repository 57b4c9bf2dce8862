//! Points in the plane.

use plotters::prelude::*;

use crate::ReportError;
use crate::axis::AxisScale;
use crate::frame::{Scale, axes, heading};
use crate::legend::{Entry, Key, Legend, Marker};
use crate::style::{colour, drawing};
use crate::tile::check_finite;

const PICTURE: &str = "scatter";
/// Without the legend.
const SIZE: (i32, i32) = (640, 600);
/// The most classes that a legend names.
const NAMED: usize = 20;
/// Space around the points, as a share of their range.
const MARGIN: f64 = 0.03;
/// Of a marker, so that dense places look dense.
const OPACITY: f64 = 0.7;

/// What points of the plane are.
#[derive(Debug, Clone, Copy)]
pub struct Classes<'a> {
    /// The class of each point, a place in `names`.
    pub of_points: &'a [usize],
    /// The names of the classes.
    pub names: &'a [String],
}

/// Points in the plane as SVG; those of a class share colour and form. Up to twenty classes are
/// named in a legend; of more, colours and forms repeat.
///
/// # Shapes
///
/// - points: `[point, 2]`, x and y
///
/// # Errors
///
/// Refuses an empty list, points that are not finite, another number of classes than points, and
/// classes without a name.
pub fn scatter(
    points: &[[f64; 2]],
    classes: Option<Classes<'_>>,
    title: &str,
) -> Result<String, ReportError> {
    if points.is_empty() {
        return Err(ReportError::Empty { picture: PICTURE });
    }
    check_finite(PICTURE, points.as_flattened(), |index| {
        format!(
            "the {} of point {} (counted from 0)",
            ["x", "y"][index % 2],
            index / 2
        )
    })?;
    let names = classes.map_or(&[][..], |classes| classes.names);
    let of_points = classes.map(|classes| classes.of_points);
    check_classes(PICTURE, of_points, points.len(), Some(names.len()))?;
    let axis = |axis: usize| {
        let values = points.iter().map(|point| point[axis]);
        Scale::of("", values, AxisScale::Linear, MARGIN)
    };
    let (Some(x), Some(y)) = (axis(0), axis(1)) else {
        return Err(ReportError::Empty { picture: PICTURE });
    };
    let entries = match names.len() {
        2..=NAMED => names.iter().enumerate().map(entry).collect(),
        _ => vec![],
    };
    let legend = Legend::new(entries, SIZE.0);
    drawing(PICTURE, (SIZE.0, SIZE.1 + legend.height()), |canvas| {
        let canvas = heading(canvas, title, &legend)?;
        let chart = axes(&canvas, &x, &y)?;
        for (index, point) in points.iter().enumerate() {
            let class = of_points.map_or(0, |classes| classes[index]);
            let at = (x.axis.place(point[0]), y.axis.place(point[1]));
            let colour = colour(class).mix(OPACITY);
            Marker::of(class).draw(chart.plotting_area(), at, colour)?;
        }
        Ok(())
    })
}

fn entry((class, name): (usize, &String)) -> Entry {
    Entry::new(name, Key::Marker(colour(class), Marker::of(class)))
}

/// Refuses other numbers of classes than of what they belong to, and classes beyond `names`.
pub(crate) fn check_classes(
    picture: &'static str,
    classes: Option<&[usize]>,
    points: usize,
    names: Option<usize>,
) -> Result<(), ReportError> {
    let Some(classes) = classes else {
        return Ok(());
    };
    if classes.len() != points {
        return Err(ReportError::Count {
            picture,
            what: "classes",
            found: classes.len(),
            expected: points,
        });
    }
    let highest = classes.iter().max().copied().unwrap_or(0);
    match names {
        Some(names) if highest >= names => Err(ReportError::Count {
            picture,
            what: "names of classes",
            found: names,
            expected: highest + 1,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::PALETTE;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("class <{i}>")).collect()
    }

    fn drawn(points: usize, classes: usize) -> String {
        let points: Vec<[f64; 2]> = (0..points).map(|i| [i as f64, (i * i) as f64]).collect();
        let of_points: Vec<usize> = (0..points.len()).map(|i| i % classes).collect();
        let names = names(classes);
        let classes = Classes {
            of_points: &of_points,
            names: &names,
        };
        scatter(&points, Some(classes), "codes").unwrap()
    }

    #[test]
    fn classes_differ_in_colour_and_form() {
        let svg = drawn(60, 3);
        assert!(svg.contains("class &lt;2&gt;"));
        // 20 points of each class, and the key.
        assert_eq!(svg.matches("<circle").count(), 21);
        assert_eq!(svg.matches("<polygon").count(), 42);
        for colour in ["#0072B2", "#D55E00", "#009E73"] {
            assert_eq!(svg.matches(colour).count(), 21, "{colour}");
        }
        // No two of the classes with names look alike.
        const { assert!(PALETTE.len() * 6 >= NAMED && !PALETTE.len().is_multiple_of(6)) };
    }

    #[test]
    fn many_classes_have_no_legend() {
        assert!(drawn(50, 20).contains("class &lt;19&gt;"));
        assert!(!drawn(50, 21).contains("class"));
        assert!(!drawn(50, 1).contains("class"));
    }

    #[test]
    fn any_finite_point_can_be_drawn() {
        for extreme in [1e37, f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.0] {
            let svg = scatter(&[[extreme, -extreme]; 2], None, "").unwrap();
            assert_eq!(svg.matches("<circle").count(), 2);
            scatter(&[[extreme, -extreme], [-extreme, 1.0]], None, "").unwrap();
        }
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let refused = |points: &[[f64; 2]], of_points: &[usize]| {
            let names = names(2);
            let names = &names;
            let classes = Classes { of_points, names };
            scatter(points, Some(classes), "").unwrap_err().to_string()
        };
        assert_eq!(
            refused(&[[0.0; 2]; 3], &[0, 1]),
            "scatter: 2 classes were given; expected 3"
        );
        assert_eq!(
            refused(&[[0.0; 2]; 2], &[0, 5]),
            "scatter: 2 names of classes were given; expected 6"
        );
        assert!(refused(&[[0.0, f64::NAN]], &[0]).contains("the y of point 0"));
        assert!(scatter(&[], None, "").is_err());
    }
}
