//! Means with their spreads.

use plotters::element::{EmptyElement, PathElement};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::ReportError;
use crate::axis::AxisScale;
use crate::frame::{Plot, Scale, heading};
use crate::legend::Legend;
use crate::style::{
    AXIS, Canvas, Drawn, GRID, TEXT, TITLE, colour, drawing, fitted, number, text, width,
};
use crate::tile::check_finite;

const PICTURE: &str = "intervals";
const WIDTH: i32 = 640;
/// Height of a row, and of the axis below all.
const ROW: i32 = 26;
const AXIS_HEIGHT: i32 = 48;
/// The widest name, and the width of the numbers.
const LONGEST_NAME: i32 = 240;
const NUMBERS: i32 = 64;
/// Half the height of the ends of a whisker.
const END: i32 = 5;
/// Space beside the intervals, as a share of their range.
const MARGIN: f64 = 0.05;

/// A mean and where it may lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// Of what.
    pub name: String,
    /// The dot.
    pub mean: f64,
    /// The left end of the whisker.
    pub low: f64,
    /// The right end of the whisker.
    pub high: f64,
}

/// One row for each interval as SVG: its name, a dot at the mean with a whisker from low to high,
/// and the mean as a number.
///
/// # Errors
///
/// Refuses an empty list, and values that are not finite.
pub fn intervals(title: &str, x_title: &str, rows: &[Interval]) -> Result<String, ReportError> {
    if rows.is_empty() {
        return Err(ReportError::Empty { picture: PICTURE });
    }
    let values: Vec<f64> = (rows.iter())
        .flat_map(|row| [row.mean, row.low, row.high])
        .collect();
    check_finite(PICTURE, &values, |index| {
        let end = ["mean", "lower end", "upper end"][index % 3];
        format!("the {end} of `{}`", rows[index / 3].name)
    })?;
    let x = Scale::of(x_title, values.iter().copied(), AxisScale::Linear, MARGIN);
    let x = x.ok_or(ReportError::Empty { picture: PICTURE })?;
    let x = Scale { whole: false, ..x };
    let size = (WIDTH, TITLE + rows.len() as i32 * ROW + AXIS_HEIGHT);
    drawing(PICTURE, size, |canvas| {
        draw(&heading(canvas, title, &Legend::default())?, &x, rows)
    })
}

fn draw(canvas: &Canvas<'_>, x: &Scale<'_>, rows: &[Interval]) -> Drawn {
    let widths = rows.iter().map(|row| width(&row.name, TEXT));
    let names = widths.max().unwrap_or(0).min(LONGEST_NAME) + 16;
    let (left, rest) = canvas.split_horizontally(names);
    let (middle, right) = rest.split_horizontally(WIDTH - names - NUMBERS);
    let height = rows.len() as i32 * ROW;
    let label = text(TEXT, HPos::Center, VPos::Center);
    let mut chart = ChartBuilder::on(&middle)
        .x_label_area_size(AXIS_HEIGHT)
        .build_cartesian_2d(x.range.clone(), f64::from(height)..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_desc(x.axis.title(x.title))
        .x_labels(5)
        .x_label_formatter(&|&place| x.axis.label(place))
        .label_style(label.clone())
        .axis_desc_style(label)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS)
        .draw()?;
    for (row, top) in rows.iter().zip((0..).step_by(ROW as usize)) {
        let y = top + ROW / 2;
        let name = fitted(&row.name, TEXT, LONGEST_NAME);
        let name_style = text(TEXT, HPos::Right, VPos::Center);
        left.draw_text(&name, &name_style, (names - 8, y))?;
        let number_style = text(TEXT, HPos::Left, VPos::Center);
        right.draw_text(&number(row.mean), &number_style, (8, y))?;
        whisker(chart.plotting_area(), row, x, f64::from(y))?;
    }
    Ok(())
}

fn whisker(area: &Plot<'_>, row: &Interval, x: &Scale<'_>, y: f64) -> Drawn {
    let colour = colour(0);
    let at = |value: f64| (x.axis.place(value), y);
    let ends = vec![at(row.low), at(row.high)];
    area.draw(&PathElement::new(ends, colour.stroke_width(2)))?;
    for end in [row.low, row.high] {
        let bar = PathElement::new(vec![(0, -END), (0, END)], colour.stroke_width(2));
        area.draw(&(EmptyElement::at(at(end)) + bar))?;
    }
    area.draw(&Circle::new(at(row.mean), 4, colour.filled()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, mean: f64, spread: f64) -> Interval {
        Interval {
            name: name.to_owned(),
            mean,
            low: mean - spread,
            high: mean + spread,
        }
    }

    #[test]
    fn a_dot_and_a_whisker_per_row() {
        let rows = [
            row("pretrained", 0.898, 0.01),
            row("softmax & pixels", 0.74, 0.02),
        ];
        let svg = intervals("accuracy", "share of test samples", &rows).unwrap();
        assert_eq!(svg.matches("<circle").count(), 2);
        // A whisker with two ends each.
        assert_eq!(svg.matches("stroke=\"#0072B2\"").count(), 6);
        for text in ["pretrained", "softmax &amp; pixels", "0.898", "0.74"] {
            assert!(svg.contains(text), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        let refused = intervals("", "", &[row("a", 1.0, f64::NAN)]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "intervals: the lower end of `a` is NaN; expected finite numbers"
        );
        assert!(intervals("", "", &[]).is_err());
        for extreme in [f64::MAX, 5e-324, 0.0] {
            intervals("", "", &[row("a", extreme, 0.0), row("b", -extreme, 0.0)]).unwrap();
        }
    }
}
