//! What hidden units look for in tables.

use plotters::element::PathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::ReportError;
use crate::heat_map::{HeatMap, heat_map};
use crate::legend::{Entry, Key, Legend, Marker};
use crate::style::{AXIS, Canvas, Drawn, LINE, SIGNS, TEXT, drawing, fitted, number, text, width};
use crate::tile::check_finite;

const PICTURE: &str = "unit bars";
/// More inputs or units than this are drawn as a heat map.
const MOST_INPUTS: usize = 40;
const MOST_UNITS: usize = 100;
/// Panels beside each other, and their width in pixels with the space between them.
const COLUMNS: usize = 6;
const PANEL: i32 = 120;
const BETWEEN: i32 = 14;
/// The widest names of inputs.
const LONGEST_NAME: i32 = 200;
/// Height of a bar.
const BAR: i32 = 10;
/// Space around everything.
const MARGIN: i32 = 10;

/// One small panel per hidden unit with a horizontal bar per input, as SVG: to the right where the
/// weight is positive, to the left and in another colour where it is negative. All panels have one
/// scale, whose end the legend tells. More than 40 inputs or 100 units become a heat map, units by
/// inputs.
///
/// # Shapes
///
/// - names: `[input]`
/// - directions: `[unit, input]`, row by row
/// - units: `[unit]`, titles
///
/// # Errors
///
/// Refuses empty lists, another number of directions than units and inputs make, and what is not
/// finite.
pub fn unit_bars(
    names: &[String],
    directions: &[f64],
    units: &[String],
) -> Result<String, ReportError> {
    if names.is_empty() || units.is_empty() {
        return Err(ReportError::Empty { picture: PICTURE });
    }
    if directions.len() != names.len() * units.len() {
        return Err(ReportError::Count {
            picture: PICTURE,
            what: "weights",
            found: directions.len(),
            expected: names.len() * units.len(),
        });
    }
    check_finite(PICTURE, directions, |index| {
        let (unit, input) = (index / names.len(), index % names.len());
        format!("the weight of `{}` to `{}`", names[input], units[unit])
    })?;
    if names.len() > MOST_INPUTS || units.len() > MOST_UNITS {
        return heat_map(&HeatMap {
            x_title: "input".to_owned(),
            y_title: "hidden unit".to_owned(),
            rows: units.to_vec(),
            columns: names.to_vec(),
            values: directions.chunks(names.len()).map(<[_]>::to_vec).collect(),
            ..HeatMap::default()
        });
    }
    let widths = names.iter().map(|name| width(name, TEXT));
    let bars = Bars {
        names,
        directions,
        units,
        largest: directions.iter().fold(0.0, |m: f64, v| m.max(v.abs())),
        left: MARGIN + widths.max().unwrap_or(0).min(LONGEST_NAME) + 8,
    };
    drawing(PICTURE, bars.size(), |canvas| bars.draw(canvas))
}

struct Bars<'a> {
    names: &'a [String],
    directions: &'a [f64],
    units: &'a [String],
    /// The weight of the longest bar.
    largest: f64,
    /// Where the panels begin.
    left: i32,
}

impl Bars<'_> {
    fn columns(&self) -> usize {
        self.units.len().min(COLUMNS)
    }

    /// Height of a row of panels.
    fn row_height(&self) -> i32 {
        LINE + self.names.len() as i32 * LINE + BETWEEN
    }

    fn size(&self) -> (i32, i32) {
        let rows = self.units.len().div_ceil(COLUMNS) as i32;
        let panels = self.columns() as i32 * (PANEL + BETWEEN);
        (
            (self.left + panels + MARGIN).max(360),
            2 * MARGIN + self.legend_height() + rows * self.row_height(),
        )
    }

    fn legend_height(&self) -> i32 {
        2 * LINE
    }

    fn draw(&self, canvas: &Canvas<'_>) -> Drawn {
        let largest = number(self.largest);
        let entry =
            |name: String, sign: usize| Entry::new(&name, Key::Marker(SIGNS[sign], Marker::Square));
        let entries = vec![
            entry(format!("positive, up to {largest}"), 0),
            entry(format!("negative, down to -{largest}"), 1),
        ];
        Legend::new(entries, self.size().0).draw(canvas, MARGIN)?;
        for (unit, direction) in self.directions.chunks(self.names.len()).enumerate() {
            let (row, column) = (unit / COLUMNS, unit % COLUMNS);
            let top = MARGIN + self.legend_height() + row as i32 * self.row_height();
            if column == 0 {
                self.draw_names(canvas, top + LINE)?;
            }
            let left = self.left + column as i32 * (PANEL + BETWEEN);
            self.draw_panel(canvas, (left, top), &self.units[unit], direction)?;
        }
        Ok(())
    }

    fn draw_names(&self, canvas: &Canvas<'_>, top: i32) -> Drawn {
        let style = text(TEXT, HPos::Right, VPos::Center);
        for (name, top) in self.names.iter().zip((top..).step_by(LINE as usize)) {
            let name = fitted(name, TEXT, LONGEST_NAME);
            canvas.draw_text(&name, &style, (self.left - 8, top + LINE / 2))?;
        }
        Ok(())
    }

    fn draw_panel(
        &self,
        canvas: &Canvas<'_>,
        (left, top): (i32, i32),
        unit: &str,
        direction: &[f64],
    ) -> Drawn {
        let middle = left + PANEL / 2;
        let style = text(TEXT, HPos::Center, VPos::Center);
        let unit = fitted(unit, TEXT, PANEL);
        canvas.draw_text(&unit, &style, (middle, top + LINE / 2))?;
        let bars = top + LINE;
        let bottom = bars + direction.len() as i32 * LINE;
        let divisor = if self.largest > 0.0 {
            self.largest
        } else {
            1.0
        };
        for (weight, top) in direction.iter().zip((bars..).step_by(LINE as usize)) {
            let length = (weight / divisor * f64::from(PANEL / 2)).round() as i32;
            if length == 0 {
                continue;
            }
            let (from, to) = (middle.min(middle + length), middle.max(middle + length));
            let upper = top + (LINE - BAR) / 2;
            let colour = SIGNS[usize::from(length < 0)];
            let corners = [(from, upper), (to, upper + BAR)];
            canvas.draw(&Rectangle::new(corners, colour.filled()))?;
        }
        let zero = vec![(middle, bars), (middle, bottom)];
        canvas.draw(&PathElement::new(zero, AXIS.stroke_width(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("input {i}")).collect()
    }

    #[test]
    fn bars_go_right_and_left_of_zero() {
        let directions = [1.0, -0.5, 0.0, 0.25];
        let svg = unit_bars(&names(2), &directions, &names(2)).unwrap();
        // With the keys: two positive bars, a negative one, none for 0.
        assert_eq!(svg.matches("fill=\"#0072B2\"").count(), 2 + 1);
        assert_eq!(svg.matches("fill=\"#D55E00\"").count(), 1 + 1);
        assert!(svg.contains("width=\"60\" height=\"10\"") && svg.contains("width=\"30\""));
        assert!(svg.contains("positive, up to 1"));
    }

    #[test]
    fn names_may_be_anything() {
        let names = [
            "<b>&\"'".to_owned(),
            "🦀 very long ".repeat(20),
            String::new(),
        ];
        let svg = unit_bars(&names, &[0.0; 3], &["u\u{0}".to_owned()]).unwrap();
        assert!(svg.contains("&lt;b&gt;&amp;&quot;&apos;") && svg.contains('…'));
        assert!(!svg.contains('\u{0}'));
        crate::rasterise(&svg).unwrap();
    }

    #[test]
    fn many_become_a_heat_map() {
        let drawn = |inputs: usize, units: usize| {
            let directions = vec![0.5; inputs * units];
            unit_bars(&names(inputs), &directions, &names(units)).unwrap()
        };
        assert!(!drawn(40, 100).contains("<path"));
        assert!(drawn(41, 1).contains("<path") && drawn(1, 101).contains("<path"));
        assert!(drawn(3000, 1000).len() > 1000);
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        assert_eq!(
            unit_bars(&names(2), &[0.0, f64::NAN], &names(1))
                .unwrap_err()
                .to_string(),
            "unit bars: the weight of `input 1` to `input 0` is NaN; expected finite numbers"
        );
        assert!(unit_bars(&names(2), &[0.0; 3], &names(2)).is_err());
        assert!(unit_bars(&[], &[], &names(2)).is_err());
    }
}
