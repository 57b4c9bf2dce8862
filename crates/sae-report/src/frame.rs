//! What surrounds the data of a chart: title, legend, axes, marks.

use std::ops::Range;

use plotters::coord::types::RangedCoordf64;
use plotters::element::{EmptyElement, PathElement, Text};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::axis::{Axis, AxisScale};
use crate::legend::Legend;
use crate::style::{
    AXIS, CAPTION, Canvas, Drawn, GRID, INK, LINE, TEXT, TITLE, fitted, text, title, width,
};

type Plane = Cartesian2d<RangedCoordf64, RangedCoordf64>;
/// A chart with axes.
pub(crate) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Plane>;
/// What lies between the axes.
pub(crate) type Plot<'a> = DrawingArea<SVGBackend<'a>, Plane>;

/// Labels along an axis, at most about this many.
const LABELS: usize = 6;
/// The longest label of a mark.
const LONGEST_MARK: i32 = 160;

/// A line across a chart, with a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// What lies there.
    pub label: String,
    /// The value of its axis.
    pub value: f64,
    /// The axis that the value belongs to.
    pub across: Across,
}

/// The axis that a [`Mark`] crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Across {
    /// A vertical line.
    X,
    /// A horizontal line.
    Y,
}

impl Mark {
    /// A horizontal line at a value of the vertical axis.
    pub fn horizontal(label: impl Into<String>, value: f64) -> Self {
        Self {
            label: label.into(),
            value,
            across: Across::Y,
        }
    }

    /// A vertical line at a value of the horizontal axis.
    pub fn vertical(label: impl Into<String>, value: f64) -> Self {
        Self {
            across: Across::X,
            ..Self::horizontal(label, value)
        }
    }
}

/// The values of marks that belong to one axis.
pub(crate) fn values_of(marks: &[Mark], across: Across) -> impl Iterator<Item = f64> + Clone {
    let marks = marks.iter().filter(move |mark| mark.across == across);
    marks.map(|mark| mark.value)
}

/// An axis with its range and what its values are called.
#[derive(Debug, Clone)]
pub(crate) struct Scale<'a> {
    pub(crate) title: &'a str,
    pub(crate) axis: Axis,
    pub(crate) range: Range<f64>,
    /// Whether there is nothing between whole numbers, epochs for example.
    pub(crate) whole: bool,
}

impl<'a> Scale<'a> {
    /// As [`Axis::of`].
    pub(crate) fn of(
        title: &'a str,
        values: impl Iterator<Item = f64> + Clone,
        scale: AxisScale,
        margin: f64,
    ) -> Option<Self> {
        let (axis, range) = Axis::of(values.clone(), scale, margin)?;
        let whole = axis == Axis::Linear(0) && values.clone().all(|v| v.fract() == 0.0);
        let range = match whole && range.end - range.start < 1.0 {
            true => range.start.round() - 0.5..range.start.round() + 0.5,
            false => range,
        };
        Some(Self {
            title,
            axis,
            range,
            whole,
        })
    }

    fn label(&self, place: f64) -> String {
        let decades = self.axis == Axis::Logarithmic && self.range.end - self.range.start >= 2.0;
        match (self.whole || decades) && (place - place.round()).abs() > 1e-6 {
            true => String::new(),
            false => self.axis.label(place),
        }
    }
}

/// Draws title and legend; returns what is left of the canvas below them.
pub(crate) fn heading<'a>(
    canvas: &Canvas<'a>,
    heading: &str,
    legend: &Legend,
) -> Drawn<Canvas<'a>> {
    title(canvas, heading)?;
    legend.draw(canvas, TITLE)?;
    Ok(canvas.split_vertically(TITLE + legend.height()).1)
}

/// Draws the axes of a chart.
pub(crate) fn axes<'a, 'b>(
    canvas: &'a Canvas<'b>,
    x: &Scale<'_>,
    y: &Scale<'_>,
) -> Drawn<Chart<'a, 'b>> {
    let mut chart = ChartBuilder::on(canvas)
        .margin(8)
        .margin_right(18)
        .x_label_area_size(42)
        .y_label_area_size(62)
        .build_cartesian_2d(x.range.clone(), y.range.clone())?;
    let label = text(TEXT, HPos::Center, VPos::Center);
    chart
        .configure_mesh()
        .x_desc(x.axis.title(x.title))
        .y_desc(y.axis.title(y.title))
        .x_labels(LABELS)
        .y_labels(LABELS)
        .x_label_formatter(&|&place| x.label(place))
        .y_label_formatter(&|&place| y.label(place))
        .label_style(label.clone())
        .axis_desc_style(label)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS)
        .draw()?;
    Ok(chart)
}

/// Draws marks across a chart.
pub(crate) fn draw_marks(
    chart: &mut Chart<'_, '_>,
    x: &Scale<'_>,
    y: &Scale<'_>,
    marks: &[Mark],
) -> Drawn {
    for mark in marks {
        let (scale, other) = match mark.across {
            Across::X => (x, y),
            Across::Y => (y, x),
        };
        let place = scale.axis.place(mark.value);
        if scale.range.contains(&place) {
            draw_mark(chart, mark, place, &other.range)?;
        }
    }
    Ok(())
}

fn draw_mark(chart: &mut Chart<'_, '_>, mark: &Mark, place: f64, other: &Range<f64>) -> Drawn {
    let point = |along: f64| match mark.across {
        Across::X => (place, along),
        Across::Y => (along, place),
    };
    let area = chart.plotting_area();
    let ends = vec![point(other.start), point(other.end)];
    area.draw(&PathElement::new(ends, INK.stroke_width(1)))?;
    let label = fitted(&mark.label, TEXT, LONGEST_MARK);
    let (x_range, y_range) = area.get_pixel_range();
    let (x, y) = area.map_coordinate(&point(other.end));
    let (horizontal, vertical, offset) = match mark.across {
        Across::X if x + width(&label, TEXT) + 4 > x_range.end => (HPos::Right, VPos::Top, (-4, 3)),
        Across::X => (HPos::Left, VPos::Top, (4, 3)),
        Across::Y if y - LINE < y_range.start => (HPos::Right, VPos::Top, (-4, 3)),
        Across::Y => (HPos::Right, VPos::Bottom, (-4, -2)),
    };
    let text = Text::new(label, offset, text(TEXT, horizontal, vertical));
    area.draw(&(EmptyElement::at(point(other.end)) + text))
}

/// Says in the middle of a canvas why it is empty.
pub(crate) fn nothing(canvas: &Canvas<'_>) -> Drawn {
    let (width, height) = canvas.dim_in_pixel();
    let middle = (width as i32 / 2, height as i32 / 2);
    let style = text(CAPTION, HPos::Center, VPos::Center);
    canvas.draw_text("no finite value", &style, middle)
}
