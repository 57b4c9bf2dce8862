//! Histograms.

use plotters::prelude::*;

use crate::ReportError;
use crate::axis::{Axis, AxisScale};
use crate::frame::{Across, Mark, Scale, axes, draw_marks, heading, nothing, values_of};
use crate::legend::Legend;
use crate::style::{Canvas, Drawn, colour, drawing};

const PICTURE: &str = "histogram";
const SIZE: (i32, i32) = (460, 330);
/// The fewest and the most bars.
const BARS: (f64, f64) = (5.0, 50.0);

/// How many of some values lie where, as SVG: bars of equal width, 2 n^(1/3) for n values (Rice's
/// rule). What is not finite is left out, and the vertical axis says how many values that are.
/// Marks are vertical lines.
///
/// # Errors
///
/// Refuses an empty list.
pub fn histogram(
    title: &str,
    x_title: &str,
    values: &[f64],
    marks: &[Mark],
) -> Result<String, ReportError> {
    if values.is_empty() {
        return Err(ReportError::Empty { picture: PICTURE });
    }
    drawing(PICTURE, SIZE, |canvas| {
        let canvas = heading(canvas, title, &Legend::default())?;
        draw(&canvas, x_title, values, marks)
    })
}

fn draw(canvas: &Canvas<'_>, x_title: &str, values: &[f64], marks: &[Mark]) -> Drawn {
    let finite = values.iter().copied().filter(|v| v.is_finite());
    let all = finite.clone().chain(values_of(marks, Across::X));
    let Some(x) = Scale::of(x_title, all, AxisScale::Linear, 0.03) else {
        return nothing(canvas);
    };
    let places: Vec<f64> = finite.map(|v| x.axis.place(v)).collect();
    let bars = Bars::of(&places, x.range.end - x.range.start);
    let y_title = match values.len() - places.len() {
        0 => "count".to_owned(),
        left_out => format!("count ({left_out} not finite)"),
    };
    let highest = bars.counts.iter().max().copied().unwrap_or(0).max(1) as f64;
    let y = Scale {
        title: &y_title,
        axis: Axis::Linear(0),
        range: 0.0..highest * 1.05,
        whole: true,
    };
    let x = Scale { whole: false, ..x };
    let mut chart = axes(canvas, &x, &y)?;
    chart.draw_series(bars.draw())?;
    draw_marks(&mut chart, &x, &y, marks)
}

/// Bars of equal width.
#[derive(Debug, PartialEq)]
struct Bars {
    start: f64,
    width: f64,
    counts: Vec<usize>,
}

impl Bars {
    /// For places on an axis that is `range` long.
    fn of(places: &[f64], range: f64) -> Self {
        let low = places.iter().copied().fold(f64::INFINITY, f64::min);
        let high = places.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = range / BARS.1;
        if places.is_empty() {
            return Self {
                start: 0.0,
                width: 0.0,
                counts: vec![],
            };
        }
        if high - low < least {
            // All in one place.
            return Self {
                start: (low + high - least) / 2.0,
                width: least,
                counts: vec![places.len()],
            };
        }
        let bars = (2.0 * (places.len() as f64).cbrt()).ceil();
        let bars = bars.clamp(BARS.0, BARS.1) as usize;
        let width = (high - low) / bars as f64;
        let mut counts = vec![0; bars];
        for place in places {
            counts[(((place - low) / width) as usize).min(bars - 1)] += 1;
        }
        Self {
            start: low,
            width,
            counts,
        }
    }

    fn draw(&self) -> impl Iterator<Item = Rectangle<(f64, f64)>> + '_ {
        let counted = self
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0);
        counted.map(|(index, &count)| {
            let left = self.start + index as f64 * self.width;
            let corners = [(left, count as f64), (left + self.width, 0.0)];
            let mut bar = Rectangle::new(corners, colour(0).filled());
            bar.set_margin(0, 0, 0, 1);
            bar
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        let places: Vec<f64> = (0..1000).map(|i| f64::from(i % 100) / 10.0).collect();
        let bars = Bars::of(&places, 10.0);
        // 2 · 1000^(1/3), and values from 0 to 9.9.
        assert_eq!(bars.counts, [50; 20]);
        assert_eq!((bars.start, bars.width), (0.0, 9.9 / 20.0));
        let one = Bars::of(&[2.0; 7], 5.0);
        assert_eq!((one.start, one.width, one.counts), (1.95, 0.1, vec![7]));
    }

    fn bars(svg: &str) -> usize {
        svg.matches("fill=\"#0072B2\"").count()
    }

    #[test]
    fn bars_and_marks_are_drawn() {
        let values = [0.1, 0.1, 0.2, 0.3, 0.9, f64::NAN];
        let marks = [Mark::vertical("rho <target>", 0.05)];
        let svg = histogram("mean activation", "ρ̂", &values, &marks).unwrap();
        assert_eq!(bars(&svg), 3);
        assert!(svg.contains("rho &lt;target&gt;") && svg.contains("count (1 not finite)"));
        assert!(histogram("", "", &[], &[]).is_err());
    }

    #[test]
    fn any_number_can_be_drawn() {
        for extreme in [1e37, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 0.0] {
            let marks = [Mark::vertical("mark", -extreme)];
            let svg = histogram("", "", &[extreme; 3], &marks).unwrap();
            assert_eq!(bars(&svg), 1, "{extreme}");
            let svg = histogram("", "", &[extreme, -extreme, 0.0], &[]).unwrap();
            assert!(bars(&svg) > 0 && !svg.contains("NaN"), "{extreme}");
        }
        let svg = histogram("", "", &[f64::NAN], &[]).unwrap();
        assert!(svg.contains("no finite value"));
    }
}
