//! Accuracy against the share of labels, as SVG.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::ReportError;

/// The accuracy of one kind of classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct AccuracyCurve {
    /// The kind, for the legend.
    pub title: String,
    /// One point per share of labels.
    pub points: Vec<AccuracyPoint>,
}

/// The accuracy of several classifiers that differ in their seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AccuracyPoint {
    /// Share of the samples that had labels, in (0, 1].
    pub share: f64,
    /// Mean accuracy, in [0, 1].
    pub mean: f64,
    /// Standard deviation of the accuracies.
    pub deviation: f64,
}

const PICTURE: &str = "accuracy against labels";
const SIZE: (u32, u32) = (640, 420);
const FONT: &str = "sans-serif";
/// Room at both ends of the axis of shares, in decades.
const MARGIN: f64 = 0.15;
/// How far the curves stand beside each other, in decades, so that no bar hides another.
const APART: f64 = 0.012;
/// Colours that people tell apart whatever colours they see (Okabe and Ito 2008).
const COLOURS: [RGBColor; 3] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
];

/// One line per curve: the mean accuracy over the share of labels, on a logarithmic axis, with bars of
/// one standard deviation to both sides.
///
/// # Errors
///
/// Refuses curves without points, and numbers that are no shares and accuracies.
pub fn accuracy_curves(curves: &[AccuracyCurve]) -> Result<String, ReportError> {
    check(curves)?;
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let shares = Shares::of(all());
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(58)
            .build_cartesian_2d(shares, percentages(all()))
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc("share of labels")
            .y_desc("test accuracy (%)")
            .y_labels(8)
            .light_line_style(TRANSPARENT)
            .label_style((FONT, 14))
            .axis_desc_style((FONT, 15))
            .draw()
            .map_err(failed)?;
        for (number, curve) in curves.iter().enumerate() {
            let style = ShapeStyle::from(COLOURS[number % COLOURS.len()]).stroke_width(2);
            let aside = APART * (number as f64 - (curves.len() - 1) as f64 / 2.0);
            let place = |point: &AccuracyPoint| point.share * 10f64.powf(aside);
            let middles = curve.points.iter().map(|p| (place(p), 100.0 * p.mean));
            let bars = curve.points.iter().map(|p| {
                let ends = [p.mean - p.deviation, p.mean + p.deviation];
                PathElement::new(ends.map(|end| (place(p), 100.0 * end)).to_vec(), style)
            });
            chart.draw_series(bars).map_err(failed)?;
            let dots = middles.clone();
            let dots = dots.map(|middle| Circle::new(middle, 4, style.filled()));
            chart.draw_series(dots).map_err(failed)?;
            chart
                .draw_series(LineSeries::new(middles, style))
                .map_err(failed)?
                .label(&curve.title)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .margin(12)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .label_font((FONT, 14))
            .draw()
            .map_err(failed)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

fn check(curves: &[AccuracyCurve]) -> Result<(), ReportError> {
    if curves.is_empty() || curves.iter().any(|curve| curve.points.is_empty()) {
        return Err(ReportError::Empty { picture: PICTURE });
    }
    for point in curves.iter().flat_map(|curve| &curve.points) {
        let parts = [
            ("a share", point.share, point.share > 0.0),
            ("an accuracy", point.mean, true),
            ("a deviation", point.deviation, true),
        ];
        for (place, value, holds) in parts {
            if !(holds && (0.0..=1.0).contains(&value)) {
                return Err(ReportError::NotFinite {
                    picture: PICTURE,
                    place: place.to_owned(),
                    value,
                });
            }
        }
    }
    Ok(())
}

/// The logarithmic axis of shares, with a tick at each of them.
struct Shares {
    ticks: Vec<f64>,
    logarithms: RangedCoordf64,
}

impl Shares {
    /// Of at least one point.
    fn of<'a>(points: impl Iterator<Item = &'a AccuracyPoint>) -> Self {
        let mut ticks: Vec<f64> = points.map(|point| point.share).collect();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        let ends = [ticks[0], ticks[ticks.len() - 1]].map(f64::log10);
        Self {
            ticks,
            logarithms: (ends[0] - MARGIN..ends[1] + MARGIN).into(),
        }
    }
}

impl Ranged for Shares {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, share: &f64, pixels: (i32, i32)) -> i32 {
        self.logarithms.map(&share.log10(), pixels)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        let Range { start, end } = self.logarithms.range();
        10f64.powf(start)..10f64.powf(end)
    }
}

impl ValueFormatter<f64> for Shares {
    fn format(share: &f64) -> String {
        percent(*share)
    }
}

/// The range of an axis of percentages that holds all bars.
fn percentages<'a>(points: impl Iterator<Item = &'a AccuracyPoint>) -> Range<f64> {
    let (low, high) = points.fold((1.0f64, 0.0f64), |(low, high), point| {
        let (least, most) = (point.mean - point.deviation, point.mean + point.deviation);
        (low.min(least), high.max(most))
    });
    let room = (0.05 * (high - low)).max(0.01);
    100.0 * (low - room)..100.0 * (high + room)
}

/// A share in percent, with as few digits as tell it.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let digits = (4.0 - percent.log10().ceil()).clamp(0.0, 9.0) as i32;
    let unit = 10f64.powi(digits);
    format!("{}%", (percent * unit).round() / unit)
}

fn failed(error: impl std::fmt::Display) -> ReportError {
    ReportError::Encode {
        picture: PICTURE,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(title: &str, points: &[(f64, f64, f64)]) -> AccuracyCurve {
        let point = |&(share, mean, deviation)| AccuracyPoint {
            share,
            mean,
            deviation,
        };
        AccuracyCurve {
            title: title.to_owned(),
            points: points.iter().map(point).collect(),
        }
    }

    #[test]
    fn every_curve_has_its_points_bars_and_title() {
        let svg = accuracy_curves(&[
            curve("pretrained", &[(0.01, 0.5, 0.02), (1.0, 0.9, 0.01)]),
            curve("random", &[(0.01, 0.4, 0.03), (1.0, 0.9, 0.0)]),
        ])
        .unwrap();
        assert_eq!(svg.matches("<circle").count(), 4);
        for text in ["pretrained", "random", "share of labels", "1%", "100%"] {
            assert!(
                svg.contains(&format!(">\n{text}\n</text>")),
                "{text} in {svg}"
            );
        }
        assert!(svg.contains("#0072B2") && svg.contains("#D55E00"));
    }

    /// A decade is as wide between 1% and 10% as between 10% and 100%, and more is above less.
    #[test]
    fn the_axis_is_logarithmic() {
        let points = [(0.01, 0.2, 0.0), (0.1, 0.4, 0.0), (1.0, 0.6, 0.0)];
        let svg = accuracy_curves(&[curve("one", &points)]).unwrap();
        let place = |circle: &str, key: &str| -> f64 {
            let (_, rest) = circle.split_once(&format!(" {key}=\"")).unwrap();
            rest.split_once('"').unwrap().0.parse().unwrap()
        };
        let circles: Vec<(f64, f64)> = svg
            .split("<circle")
            .skip(1)
            .map(|circle| (place(circle, "cx"), place(circle, "cy")))
            .collect();
        let [a, b, c] = circles[..] else {
            panic!("{svg}")
        };
        assert!((b.0 - a.0 - (c.0 - b.0)).abs() <= 2.0, "{circles:?}");
        assert!((a.1 - b.1 - (b.1 - c.1)).abs() <= 2.0, "{circles:?}");
        assert!(b.0 - a.0 > 100.0 && a.1 - b.1 > 50.0, "{circles:?}");
    }

    #[test]
    fn a_single_share_and_equal_accuracies_are_drawn() {
        let svg = accuracy_curves(&[curve("one", &[(0.05, 1.0, 0.0)])]).unwrap();
        assert!(svg.contains("5%") && svg.contains("<circle"));
    }

    #[test]
    fn what_is_no_accuracy_is_refused() {
        assert!(accuracy_curves(&[]).is_err());
        assert!(accuracy_curves(&[curve("one", &[])]).is_err());
        for point in [
            (0.0, 0.5, 0.0),
            (1.5, 0.5, 0.0),
            (0.1, f64::NAN, 0.0),
            (0.1, 0.5, -1.0),
        ] {
            assert!(accuracy_curves(&[curve("one", &[point])]).is_err());
        }
    }

    #[test]
    fn shares_have_few_digits() {
        let shown = [1.0, 0.1, 0.05, 0.0125, 0.0004].map(percent);
        assert_eq!(shown, ["100%", "10%", "5%", "1.25%", "0.04%"]);
    }
}
