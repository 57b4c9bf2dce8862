//! Which sign stands for what, beside the data.

use plotters::coord::CoordTranslate;
use plotters::element::{EmptyElement, PathElement, Polygon};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::style::{Canvas, Drawn, LINE, TEXT, fitted, text, width};

/// Width of a key with the space after it, and between entries.
const KEY: i32 = 28;
const BETWEEN: i32 = 18;
/// Space beside all entries.
const MARGIN: i32 = 8;
/// The longest name that is written.
const LONGEST_NAME: i32 = 220;
/// Half the size of a marker.
const RADIUS: i32 = 4;
/// Length of a dash, and of the space after it.
pub(crate) const DASH: (u32, u32) = (6, 4);

/// How a line is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LineStyle {
    /// Of training samples, or where there is one kind of sample only.
    #[default]
    Solid,
    /// Of validation samples.
    Dashed,
    /// A half-transparent dot at each point, and no line.
    Dots,
}

/// The forms of markers, in the order in which they are used.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Marker {
    Circle,
    Triangle,
    Square,
    Cross,
    Diamond,
    Plus,
}

impl Marker {
    const ALL: [Self; 6] = [
        Self::Circle,
        Self::Triangle,
        Self::Square,
        Self::Cross,
        Self::Diamond,
        Self::Plus,
    ];

    /// The marker of the `index`th of several classes.
    pub(crate) fn of(index: usize) -> Self {
        Self::ALL[index % Self::ALL.len()]
    }

    /// Draws itself around a point of an area.
    pub(crate) fn draw<C: CoordTranslate>(
        self,
        area: &DrawingArea<SVGBackend<'_>, C>,
        at: C::From,
        colour: RGBAColor,
    ) -> Drawn
    where
        C::From: Clone,
    {
        let r = RADIUS;
        let polygon = |corners: Vec<(i32, i32)>| {
            area.draw(&(EmptyElement::at(at.clone()) + Polygon::new(corners, colour)))
        };
        let stroke = |from: (i32, i32), to: (i32, i32)| {
            let path = PathElement::new(vec![from, to], colour.stroke_width(2));
            area.draw(&(EmptyElement::at(at.clone()) + path))
        };
        match self {
            Self::Circle => {
                let circle = Circle::new((0, 0), r - 1, colour.filled());
                area.draw(&(EmptyElement::at(at.clone()) + circle))
            }
            Self::Triangle => polygon(vec![(-r, r - 1), (r, r - 1), (0, -r)]),
            Self::Square => polygon(vec![
                (1 - r, 1 - r),
                (r - 1, 1 - r),
                (r - 1, r - 1),
                (1 - r, r - 1),
            ]),
            Self::Diamond => polygon(vec![(-r, 0), (0, -r), (r, 0), (0, r)]),
            Self::Cross => {
                stroke((1 - r, 1 - r), (r - 1, r - 1))?;
                stroke((1 - r, r - 1), (r - 1, 1 - r))
            }
            Self::Plus => {
                stroke((-r, 0), (r, 0))?;
                stroke((0, -r), (0, r))
            }
        }
    }
}

/// What stands before a name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    Line(RGBColor, LineStyle),
    Area(RGBColor),
    Marker(RGBColor, Marker),
}

impl Key {
    fn draw(self, canvas: &Canvas<'_>, (left, middle): (i32, i32)) -> Drawn {
        let right = left + KEY - 6;
        match self {
            Self::Line(colour, LineStyle::Dots) => {
                Marker::Circle.draw(canvas, ((left + right) / 2, middle), colour.mix(0.5))
            }
            Self::Line(colour, style) => {
                let (dash, space) = match style {
                    LineStyle::Dashed => (DASH.0 as i32, DASH.1 as i32),
                    _ => (right - left, 1),
                };
                for start in (left..right).step_by((dash + space) as usize) {
                    let ends = vec![(start, middle), ((start + dash).min(right), middle)];
                    canvas.draw(&PathElement::new(ends, colour.stroke_width(2)))?;
                }
                Ok(())
            }
            Self::Area(colour) => {
                let corners = [(left, middle - 5), (right, middle + 5)];
                canvas.draw(&Rectangle::new(corners, colour.mix(0.25).filled()))
            }
            Self::Marker(colour, marker) => {
                marker.draw(canvas, ((left + right) / 2, middle), colour.to_rgba())
            }
        }
    }
}

/// A name with its key.
pub(crate) struct Entry {
    name: String,
    key: Key,
}

/// Entries in as many lines as they need; none is a legend, too.
#[derive(Default)]
pub(crate) struct Legend {
    lines: Vec<Vec<Entry>>,
}

impl Entry {
    pub(crate) fn new(name: &str, key: Key) -> Self {
        let name = fitted(name, TEXT, LONGEST_NAME);
        Self { name, key }
    }

    fn width(&self) -> i32 {
        KEY + width(&self.name, TEXT)
    }
}

fn width_of(line: &[Entry]) -> i32 {
    line.iter()
        .map(|entry| entry.width() + BETWEEN)
        .sum::<i32>()
        - BETWEEN
}

impl Legend {
    /// For a canvas of a width in pixels.
    pub(crate) fn new(entries: Vec<Entry>, width: i32) -> Self {
        let width = width - 2 * MARGIN;
        let mut lines: Vec<Vec<Entry>> = Vec::new();
        for entry in entries {
            match lines.last_mut() {
                Some(line) if width_of(line) + BETWEEN + entry.width() <= width => line.push(entry),
                _ => lines.push(vec![entry]),
            }
        }
        Self { lines }
    }

    pub(crate) fn height(&self) -> i32 {
        self.lines.len() as i32 * LINE
    }

    /// Draws the lines, each in the middle, from `top` on.
    pub(crate) fn draw(&self, canvas: &Canvas<'_>, top: i32) -> Drawn {
        let whole = canvas.dim_in_pixel().0 as i32;
        let style = text(TEXT, HPos::Left, VPos::Center);
        for (line, top) in self.lines.iter().zip((top..).step_by(LINE as usize)) {
            let (mut left, middle) = ((whole - width_of(line)) / 2, top + LINE / 2);
            for entry in line {
                entry.key.draw(canvas, (left, middle))?;
                canvas.draw_text(&entry.name, &style, (left + KEY, middle))?;
                left += entry.width() + BETWEEN;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_flow_into_lines() {
        let entries = |count: usize| {
            let key = Key::Area(crate::style::colour(0));
            (0..count).map(|_| Entry::new("ten lette.", key)).collect()
        };
        let one = width_of(&[Entry::new("ten lette.", Key::Area(BLACK))]);
        let legend = Legend::new(entries(5), 2 * one + BETWEEN + 2 * MARGIN);
        let lengths: Vec<usize> = legend.lines.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 2, 1]);
        assert_eq!(legend.height(), 3 * LINE);
        assert_eq!(Legend::new(vec![], 100).height(), 0);
        assert_eq!(Legend::new(entries(2), 1).lines.len(), 2);
    }
}
