//! Matrices as shades.

use plotters::prelude::*;
use plotters::style::FontTransform;
use plotters::style::text_anchor::{HPos, VPos};

use crate::ReportError;
use crate::style::{
    Canvas, Drawn, LINE, TEXT, TITLE, drawing_over, fitted, number, text, title, width,
};
use crate::tile::check_finite;
use crate::{cells, shade};

const PICTURE: &str = "heat map";
/// More rows or columns than this have no names.
const NAMED: usize = 100;
/// The most cells that are drawn, across and down.
const MOST_CELLS: (usize, usize) = (200, 1000);
/// Width of all cells together, if cells are neither narrower nor wider than this.
const WIDTH: f64 = 720.0;
const CELL_WIDTHS: (f64, f64) = (16.0, 64.0);
/// The same of their heights.
const HEIGHT: f64 = 560.0;
const CELL_HEIGHTS: (f64, f64) = (16.0, 36.0);
/// The widest names of rows, and the longest of columns where they are turned.
const LONGEST_NAMES: (i32, i32) = (200, 130);
/// Space between the names of columns.
const BETWEEN_NAMES: i32 = 8;
/// Space for the scale of shades at the right.
const SCALE: i32 = 90;
/// Space around everything.
const MARGIN: i32 = 10;
/// Steps of the scale between none and the full shade.
const STEPS: f64 = 32.0;
/// The narrowest drawing, with room for a title.
const LEAST_WIDTH: i32 = 420;

/// What a cell's shade says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shade {
    /// Its share of the largest magnitude; negative values have a colour of their own.
    #[default]
    Value,
    /// Its share of its row's sum, for counts.
    ShareOfRow,
}

/// A matrix to be drawn by [`heat_map`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HeatMap {
    /// What it shows.
    pub title: String,
    /// What the columns are.
    pub x_title: String,
    /// What the rows are.
    pub y_title: String,
    /// The names of the rows.
    pub rows: Vec<String>,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// `[row, column]`
    pub values: Vec<Vec<f64>>,
    /// Whether each cell holds its number, where it is large enough.
    pub written: bool,
    /// What shades say.
    pub shade: Shade,
}

/// A matrix of shaded cells as SVG. Up to 100 rows and columns have names. More than 1000 rows or 200
/// columns are drawn in groups of neighbours, each with the shade of its largest magnitude.
///
/// # Errors
///
/// Refuses a matrix without values, values that are not finite, other numbers of values than names,
/// and negative values where the shade is a share of the row.
pub fn heat_map(map: &HeatMap) -> Result<String, ReportError> {
    map.check()?;
    let shares = cells::grouped(&map.shares(), MOST_CELLS);
    let layout = Layout::of(map, &shares);
    let corner = (layout.left, layout.top);
    let cells = cells::paths(&shares, corner, layout.cell);
    drawing_over(PICTURE, layout.size(), &cells, |canvas| {
        title(canvas, &map.title)?;
        layout.draw_names(canvas, map)?;
        layout.draw_scale(canvas, map)?;
        if map.written {
            layout.draw_numbers(canvas, map, &shares)?;
        }
        Ok(())
    })
}

impl HeatMap {
    fn check(&self) -> Result<(), ReportError> {
        if self.rows.is_empty() || self.columns.is_empty() {
            return Err(ReportError::Empty { picture: PICTURE });
        }
        let count = |what, found, expected| match found == expected {
            true => Ok(()),
            false => Err(ReportError::Count {
                picture: PICTURE,
                what,
                found,
                expected,
            }),
        };
        count("rows", self.values.len(), self.rows.len())?;
        for (row, values) in self.values.iter().enumerate() {
            count("values of a row", values.len(), self.columns.len())?;
            check_finite(PICTURE, values, |column| {
                format!("the value of row {row}, column {column} (counted from 0)")
            })?;
            let negative = values.iter().position(|v| *v < 0.0);
            if let (Shade::ShareOfRow, Some(column)) = (self.shade, negative) {
                return Err(ReportError::Outside {
                    picture: PICTURE,
                    name: format!("the count of row {row}, column {column} (counted from 0)"),
                    value: values[column],
                    expected: "no negative number",
                });
            }
        }
        Ok(())
    }

    fn largest(&self) -> f64 {
        let values = self.values.iter().flatten();
        values.fold(0.0, |m, v| m.max(v.abs()))
    }

    fn has_negative(&self) -> bool {
        self.values.iter().flatten().any(|v| *v < 0.0)
    }

    /// How full the shade of each cell is, in [-1, 1].
    fn shares(&self) -> Vec<Vec<f64>> {
        let largest = self.largest();
        let row = |values: &Vec<f64>| -> Vec<f64> {
            let whole = match self.shade {
                Shade::Value => largest,
                Shade::ShareOfRow => values.iter().sum(),
            };
            let whole = if whole > 0.0 { whole } else { 1.0 };
            values.iter().map(|v| v / whole).collect()
        };
        self.values.iter().map(row).collect()
    }
}

/// Where everything lies.
struct Layout {
    left: i32,
    top: i32,
    cell: (f64, f64),
    counts: (usize, usize),
    row_names: i32,
    /// Height of the names of columns.
    column_names: i32,
    /// Whether the names of columns are turned.
    turned: bool,
}

/// The size of a cell along a side of `count` cells.
fn cell(count: usize, whole: f64, (least, most): (f64, f64)) -> f64 {
    let size = (whole / count as f64).clamp(least, most).floor();
    match count > NAMED {
        true => least * NAMED as f64 / count as f64,
        false => size,
    }
}

impl Layout {
    /// For a map whose cells have these shares.
    fn of(map: &HeatMap, shares: &[Vec<f64>]) -> Self {
        let counts = (shares[0].len(), shares.len());
        let widest = |names: &[String], most: i32| match names.len() > NAMED {
            true => 0,
            false => {
                let widths = names.iter().map(|name| width(name, TEXT));
                widths.max().unwrap_or(0).min(most)
            }
        };
        let row_names = widest(&map.rows, LONGEST_NAMES.0);
        let column_names = widest(&map.columns, LONGEST_NAMES.1);
        // Few columns are as wide as their names.
        let widest_cell = CELL_WIDTHS.1.max(f64::from(column_names + BETWEEN_NAMES));
        let cell = (
            cell(counts.0, WIDTH, (CELL_WIDTHS.0, widest_cell)),
            cell(counts.1, HEIGHT, CELL_HEIGHTS),
        );
        let turned = f64::from(column_names + BETWEEN_NAMES) > cell.0;
        Self {
            left: MARGIN + LINE + row_names + 6,
            top: TITLE,
            cell,
            counts,
            row_names,
            column_names: if turned { column_names } else { LINE },
            turned,
        }
    }

    fn right(&self) -> i32 {
        self.left + (self.counts.0 as f64 * self.cell.0).ceil() as i32
    }

    fn bottom(&self) -> i32 {
        self.top + (self.counts.1 as f64 * self.cell.1).ceil() as i32
    }

    fn size(&self) -> (i32, i32) {
        let below = self.bottom() + 6 + self.column_names + LINE + MARGIN;
        (
            (self.right() + SCALE).max(LEAST_WIDTH),
            below.max(self.top + SCALE + 2 * LINE),
        )
    }

    /// Where the middle of a cell is.
    fn middle(&self, row: usize, column: usize) -> (f64, f64) {
        (
            f64::from(self.left) + (column as f64 + 0.5) * self.cell.0,
            f64::from(self.top) + (row as f64 + 0.5) * self.cell.1,
        )
    }

    fn draw_names(&self, canvas: &Canvas<'_>, map: &HeatMap) -> Drawn {
        if self.row_names > 0 {
            let style = text(TEXT, HPos::Right, VPos::Center);
            for (row, name) in map.rows.iter().enumerate() {
                let name = fitted(name, TEXT, LONGEST_NAMES.0);
                let y = self.middle(row, 0).1 as i32;
                canvas.draw_text(&name, &style, (self.left - 6, y))?;
            }
        }
        let below = self.bottom() + 6;
        if self.column_names > 0 && map.columns.len() <= NAMED {
            let style = match self.turned {
                true => turned(HPos::Right),
                false => text(TEXT, HPos::Center, VPos::Top),
            };
            for (column, name) in map.columns.iter().enumerate() {
                let name = fitted(name, TEXT, LONGEST_NAMES.1);
                let x = self.middle(0, column).0 as i32;
                canvas.draw_text(&name, &style, (x, below))?;
            }
        }
        let middle = (self.left + self.right()) / 2;
        let x_style = text(TEXT, HPos::Center, VPos::Top);
        let x_title = fitted(&map.x_title, TEXT, self.right() - self.left);
        canvas.draw_text(&x_title, &x_style, (middle, below + self.column_names + 2))?;
        let height = (self.bottom() - self.top).max(SCALE);
        let y_title = fitted(&map.y_title, TEXT, height);
        let y_place = (MARGIN + LINE / 2, self.top + height / 2);
        canvas.draw_text(&y_title, &turned(HPos::Center), y_place)
    }

    fn draw_numbers(&self, canvas: &Canvas<'_>, map: &HeatMap, shares: &[Vec<f64>]) -> Drawn {
        let numbers = map.values.iter().flatten().map(|v| number(*v));
        let widest = numbers.map(|text| width(&text, TEXT)).max().unwrap_or(0);
        if f64::from(widest) + 2.0 > self.cell.0 || self.cell.1 < CELL_HEIGHTS.0 {
            return Ok(());
        }
        for (row, values) in map.values.iter().enumerate() {
            for (column, value) in values.iter().enumerate() {
                let style = text(TEXT, HPos::Center, VPos::Center);
                let colour = shade::text_on(shares[row][column]);
                let style = style.color(&colour);
                let (x, y) = self.middle(row, column);
                canvas.draw_text(&number(*value), &style, (x as i32, y as i32))?;
            }
        }
        Ok(())
    }

    /// The shades with what they stand for.
    fn draw_scale(&self, canvas: &Canvas<'_>, map: &HeatMap) -> Drawn {
        let least = if map.has_negative() { -1.0 } else { 0.0 };
        let (left, top, height) = (self.right() + 14, self.top + LINE / 2, SCALE);
        let y = |share: f64| top + ((1.0 - share) / (1.0 - least) * f64::from(height)) as i32;
        let steps = (least * STEPS) as i32..STEPS as i32;
        for step in steps {
            let (low, high) = (f64::from(step) / STEPS, f64::from(step + 1) / STEPS);
            let corners = [(left, y(high)), (left + 14, y(low))];
            canvas.draw(&Rectangle::new(
                corners,
                shade::of((low + high) / 2.0).filled(),
            ))?;
        }
        let style = text(TEXT, HPos::Left, VPos::Center);
        let labelled = [-1.0, 0.0, 1.0].into_iter();
        for share in labelled.filter(|share| *share >= least) {
            let label = match map.shade {
                Shade::Value => number(share * map.largest()),
                Shade::ShareOfRow => format!("{:.0}%", 100.0 * share),
            };
            canvas.draw_text(&label, &style, (left + 20, y(share)))?;
        }
        Ok(())
    }
}

fn turned(horizontal: HPos) -> TextStyle<'static> {
    text(TEXT, horizontal, VPos::Center).transform(FontTransform::Rotate270)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[&[f64]]) -> HeatMap {
        let names = |count: usize| (0..count).map(|i| format!("n<{i}>")).collect();
        HeatMap {
            title: "confusion".to_owned(),
            rows: names(values.len()),
            columns: names(values[0].len()),
            values: values.iter().map(|row| row.to_vec()).collect(),
            written: true,
            ..HeatMap::default()
        }
    }

    fn hex(colour: RGBColor) -> String {
        format!(
            "stroke=\"#{:02X}{:02X}{:02X}\"",
            colour.0, colour.1, colour.2
        )
    }

    #[test]
    fn counts_are_shaded_by_their_share_of_the_row() {
        let map = HeatMap {
            shade: Shade::ShareOfRow,
            ..map(&[&[30.0, 10.0], &[0.0, 7.0]])
        };
        let svg = heat_map(&map).unwrap();
        for share in [0.75, 0.25, 0.0, 1.0] {
            assert!(svg.contains(&hex(shade::of(share))), "{share}");
        }
        let words: Vec<&str> = svg.lines().collect();
        for text in [
            "30",
            "10",
            "0",
            "7",
            "0%",
            "100%",
            "n&lt;1&gt;",
            "confusion",
        ] {
            assert!(words.contains(&text), "{text}");
        }
    }

    #[test]
    fn negative_values_have_their_own_colour() {
        let svg = heat_map(&map(&[&[-0.5, 0.0, 1.0]])).unwrap();
        assert!(svg.contains(&hex(shade::of(-0.5))) && svg.contains(&hex(shade::of(1.0))));
        assert!(
            svg.lines().any(|line| line == "-1"),
            "the scale is symmetric"
        );
        for extreme in [f64::MAX, f64::MIN_POSITIVE, 0.0] {
            heat_map(&map(&[&[-extreme, extreme]])).unwrap();
        }
    }

    #[test]
    fn a_thousand_rows_and_a_hundred_columns_stay_small() {
        let row: Vec<f64> = (0..100).map(f64::from).collect();
        let values = vec![&row[..]; 1000];
        let svg = heat_map(&map(&values)).unwrap();
        assert!(svg.len() < 2_500_000, "{}", svg.len());
        // 100 names of columns, title, empty titles of the sides, and both ends of the scale.
        assert_eq!(svg.matches("<text").count(), 100 + 1 + 2 + 2);
        let small = heat_map(&map(&vec![&row[..10]; 1000])).unwrap();
        assert!(small.len() < 300_000, "{}", small.len());
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let mut ragged = map(&[&[1.0, 2.0]]);
        ragged.values[0].pop();
        assert_eq!(
            heat_map(&ragged).unwrap_err().to_string(),
            "heat map: 1 values of a row were given; expected 2"
        );
        let negative = HeatMap {
            shade: Shade::ShareOfRow,
            ..map(&[&[1.0, -2.0]])
        };
        assert!(heat_map(&negative).is_err() && heat_map(&HeatMap::default()).is_err());
        assert!(heat_map(&map(&[&[f64::NAN]])).is_err());
    }
}
