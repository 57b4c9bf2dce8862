//! Lines over a common axis, in panels.

use plotters::prelude::*;
use plotters::series::{DashedLineSeries, LineSeries};

use crate::ReportError;
use crate::axis::AxisScale;
use crate::frame::{Across, Chart, Mark, Scale, axes, draw_marks, heading, nothing, values_of};
use crate::legend::{DASH, Entry, Key, Legend, LineStyle, Marker};
use crate::style::{Canvas, Drawn, colour, drawing};

const PICTURE: &str = "line chart";
/// Size of a panel in pixels, without its legend, and panels beside each other.
const PANEL: (i32, i32) = (460, 330);
const COLUMNS: usize = 2;
/// Space above and below lines, as a share of their range.
const MARGIN: f64 = 0.05;

/// One chart of a [`line_chart`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// What the horizontal axis shows; empty where the title says it.
    pub x_title: String,
    /// What the vertical axis shows; empty where the title says it.
    pub y_title: String,
    /// How the horizontal axis is divided.
    pub x_scale: AxisScale,
    /// How the vertical axis is divided.
    pub y_scale: AxisScale,
    /// The lines, each in a colour of its own.
    pub lines: Vec<Line>,
    /// Spreads, drawn below the lines; in the colour of the line of the same name, if there is one.
    pub bands: Vec<Band>,
    /// Values to compare with.
    pub marks: Vec<Mark>,
}

/// Values over x.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// Its name in the legend, which is drawn where there is more than one name.
    pub name: String,
    /// (x, y), in the order in which they are joined. What is not finite leaves a gap.
    pub points: Vec<(f64, f64)>,
    /// How it is drawn.
    pub style: LineStyle,
}

/// Ranges of values over x.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Band {
    /// Its name in the legend.
    pub name: String,
    /// (x, low, high), in the order in which they are joined. What is not finite leaves a gap.
    pub points: Vec<(f64, f64, f64)>,
}

/// Panels of lines as SVG, two in a row; a panel in which nothing is finite says so.
///
/// # Errors
///
/// Refuses an empty list, and a panel without any point.
pub fn line_chart(panels: &[Panel]) -> Result<String, ReportError> {
    let empty = |panel: &Panel| {
        panel.lines.iter().all(|line| line.points.is_empty())
            && panel.bands.iter().all(|band| band.points.is_empty())
    };
    if panels.is_empty() || panels.iter().any(empty) {
        return Err(ReportError::Empty { picture: PICTURE });
    }
    let columns = panels.len().min(COLUMNS);
    let rows = panels.len().div_ceil(columns);
    let legends: Vec<Legend> = panels.iter().map(Panel::legend).collect();
    let legend = legends.iter().map(Legend::height).max().unwrap_or(0);
    let size = (PANEL.0 * columns as i32, (PANEL.1 + legend) * rows as i32);
    drawing(PICTURE, size, |canvas| {
        let places = canvas.split_evenly((rows, columns));
        let mut places = places.iter().zip(panels).zip(&legends);
        places.try_for_each(|((place, panel), legend)| panel.draw(place, legend))
    })
}

impl Panel {
    fn draw(&self, canvas: &Canvas<'_>, legend: &Legend) -> Drawn {
        let canvas = heading(canvas, &self.title, legend)?;
        let Some((x, y)) = self.scales() else {
            return nothing(&canvas);
        };
        let mut chart = axes(&canvas, &x, &y)?;
        draw_marks(&mut chart, &x, &y, &self.marks)?;
        for (index, band) in self.bands.iter().enumerate() {
            draw_band(&mut chart, band, self.band_colour(index), &x, &y)?;
        }
        for (index, line) in self.lines.iter().enumerate() {
            draw_line(&mut chart, line, colour(index), &x, &y)?;
        }
        Ok(())
    }

    fn scales(&self) -> Option<(Scale<'_>, Scale<'_>)> {
        let lines = self.lines.iter().flat_map(|line| &line.points);
        let bands = self.bands.iter().flat_map(|band| &band.points);
        let x = (lines.clone().map(|point| point.0))
            .chain(bands.clone().map(|point| point.0))
            .chain(values_of(&self.marks, Across::X));
        let y = (lines.map(|point| point.1))
            .chain(bands.flat_map(|point| [point.1, point.2]))
            .chain(values_of(&self.marks, Across::Y));
        let x = Scale::of(&self.x_title, x, self.x_scale, 0.0)?;
        let y = Scale::of(&self.y_title, y, self.y_scale, MARGIN)?;
        Some((x, Scale { whole: false, ..y }))
    }

    /// Of more names than one.
    fn legend(&self) -> Legend {
        let lines = self.lines.iter().enumerate();
        let lines =
            lines.map(|(index, line)| Entry::new(&line.name, Key::Line(colour(index), line.style)));
        let own = |band: &Band| self.line_named(&band.name).is_none();
        let bands = self.bands.iter().enumerate().filter(|(_, band)| own(band));
        let bands =
            bands.map(|(index, band)| Entry::new(&band.name, Key::Area(self.band_colour(index))));
        let entries: Vec<Entry> = lines.chain(bands).collect();
        match entries.len() {
            0 | 1 => Legend::default(),
            _ => Legend::new(entries, PANEL.0),
        }
    }

    fn line_named(&self, name: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.name == name)
    }

    fn band_colour(&self, index: usize) -> RGBColor {
        let line = self.line_named(&self.bands[index].name);
        colour(line.unwrap_or(self.lines.len() + index))
    }
}

fn draw_line(
    chart: &mut Chart<'_, '_>,
    line: &Line,
    colour: RGBColor,
    x: &Scale<'_>,
    y: &Scale<'_>,
) -> Drawn {
    let places = line.points.iter();
    let places = places.map(|&(a, b)| [x.axis.place(a), y.axis.place(b)]);
    let stroke = colour.stroke_width(2);
    for piece in finite_pieces(places) {
        let points = piece.iter().map(|&[x, y]| (x, y));
        match line.style {
            LineStyle::Dots => {
                for point in points {
                    Marker::Circle.draw(chart.plotting_area(), point, colour.mix(0.5))?;
                }
            }
            _ if piece.len() == 1 => {
                let dots = points.map(|point| Circle::new(point, 3, colour.filled()));
                chart.draw_series(dots)?;
            }
            LineStyle::Solid => {
                chart.draw_series(LineSeries::new(points, stroke))?;
            }
            LineStyle::Dashed => {
                chart.draw_series(DashedLineSeries::new(points, DASH.0, DASH.1, stroke))?;
            }
        }
    }
    Ok(())
}

fn draw_band(
    chart: &mut Chart<'_, '_>,
    band: &Band,
    colour: RGBColor,
    x: &Scale<'_>,
    y: &Scale<'_>,
) -> Drawn {
    let places = band.points.iter();
    let places =
        places.map(|&(a, low, high)| [x.axis.place(a), y.axis.place(low), y.axis.place(high)]);
    for piece in finite_pieces(places) {
        let low = piece.iter().map(|&[x, low, _]| (x, low));
        let high = piece.iter().rev().map(|&[x, _, high]| (x, high));
        let outline: Vec<(f64, f64)> = low.chain(high).collect();
        let area = Polygon::new(outline, colour.mix(0.2).filled());
        chart.draw_series([area])?;
    }
    Ok(())
}

/// Runs of consecutive points that can be drawn.
fn finite_pieces<const N: usize>(points: impl Iterator<Item = [f64; N]>) -> Vec<Vec<[f64; N]>> {
    let points: Vec<[f64; N]> = points.collect();
    points
        .split(|point| point.iter().any(|v| !v.is_finite()))
        .filter(|piece| !piece.is_empty())
        .map(<[_]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, points: &[(f64, f64)], style: LineStyle) -> Line {
        Line {
            name: name.to_owned(),
            points: points.to_vec(),
            style,
        }
    }

    fn panel(lines: Vec<Line>) -> Panel {
        Panel {
            title: "accuracy".to_owned(),
            x_title: "epoch".to_owned(),
            lines,
            ..Panel::default()
        }
    }

    const RISING: [(f64, f64); 3] = [(1.0, 0.5), (2.0, 0.7), (3.0, 0.8)];

    #[test]
    fn a_legend_names_several_lines() {
        let one = line("training", &RISING, LineStyle::Solid);
        let other = line("a <b> & \"c\"", &RISING, LineStyle::Dashed);
        let svg = line_chart(&[panel(vec![one.clone()])]).unwrap();
        assert!(!svg.contains("training"));
        // One polyline, and no dashes of the other colour.
        assert_eq!(svg.matches("stroke=\"#0072B2\"").count(), 1);
        let svg = line_chart(&[panel(vec![one, other])]).unwrap();
        assert!(svg.contains("training") && svg.contains("a &lt;b&gt; &amp; &quot;c&quot;"));
        assert!(svg.matches("stroke=\"#D55E00\"").count() > 20);
    }

    #[test]
    fn a_band_has_the_colour_of_its_line() {
        let points = RISING.map(|(x, y)| (x, y - 0.1, y + 0.1)).to_vec();
        let band = |name: &str| Band {
            name: name.to_owned(),
            points: points.clone(),
        };
        let chart = |name: &str| {
            let lines = vec![line("pretrained", &RISING, LineStyle::Solid)];
            let bands = vec![band(name)];
            line_chart(&[Panel {
                bands,
                ..panel(lines)
            }])
            .unwrap()
        };
        let svg = chart("pretrained");
        assert!(svg.contains("<polygon opacity=\"0.2\" fill=\"#0072B2\""));
        assert!(!svg.contains("pretrained"), "one name needs no legend");
        let svg = chart("spread");
        assert!(svg.contains("<polygon opacity=\"0.2\" fill=\"#D55E00\""));
        assert!(svg.contains("pretrained") && svg.contains("spread"));
    }

    #[test]
    fn marks_lie_across() {
        let lines = vec![line("ρ̂", &RISING, LineStyle::Dots)];
        let marks = vec![Mark::horizontal("rho", 0.05), Mark::vertical("best", 2.0)];
        let svg = line_chart(&[Panel {
            marks,
            ..panel(lines)
        }])
        .unwrap();
        assert!(svg.contains("rho") && svg.contains("best"));
        assert_eq!(svg.matches("stroke=\"#222222\"").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 3);
    }

    #[test]
    fn two_panels_in_a_row() {
        let panel = panel(vec![line("J", &RISING, LineStyle::Solid)]);
        let svg = line_chart(&vec![panel.clone(); 3]).unwrap();
        assert!(svg.contains("width=\"920\" height=\"660\""));
        assert_eq!(svg.matches("accuracy").count(), 3);
        assert!(line_chart(&[]).is_err());
        assert!(line_chart(&[Panel::default()]).is_err());
    }

    /// Every one of these hung or failed when the values themselves were the range of the axis.
    #[test]
    fn any_number_can_be_drawn() {
        let extremes = [
            1e37,
            1e300,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            5e-324,
            f64::NAN,
        ];
        for x_scale in [
            AxisScale::Linear,
            AxisScale::Logarithmic,
            AxisScale::Automatic,
        ] {
            for value in extremes {
                let points = [(1.0, value), (value, 2.0), (0.0, -value), (value, value)];
                for style in [LineStyle::Solid, LineStyle::Dashed, LineStyle::Dots] {
                    let lines = vec![line("a", &points, style), line("b", &[(value, 0.0)], style)];
                    let marks = vec![Mark::horizontal("m", value), Mark::vertical("m", value)];
                    let bands = vec![Band {
                        name: "band".to_owned(),
                        points: points.map(|(x, y)| (x, y, value)).to_vec(),
                    }];
                    let panel = Panel {
                        x_scale,
                        y_scale: x_scale,
                        bands,
                        marks,
                        ..panel(lines)
                    };
                    let svg = line_chart(&[panel]).unwrap();
                    assert!(!svg.contains("NaN") && svg.len() < 100_000, "{value}");
                }
            }
        }
    }

    #[test]
    fn whole_numbers_have_whole_labels() {
        let svg = line_chart(&[panel(vec![line("J", &RISING, LineStyle::Solid)])]).unwrap();
        let labels = svg.lines().filter(|line| matches!(*line, "1" | "2" | "3"));
        assert_eq!(labels.count(), 3);
        assert!(!svg.contains("1.5") && !svg.contains("2.5"));
    }
}
