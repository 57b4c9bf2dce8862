//! Loss curves as SVG.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::ReportError;
use crate::axis::Axis;

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// J over the epochs of one stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The stage.
    pub title: String,
    /// J on the training samples, one value per epoch, from epoch 1.
    pub training: Vec<f64>,
    /// J on the validation samples, one value per epoch; empty where there are none.
    pub validation: Vec<f64>,
}

const PICTURE: &str = "loss curves";
const PANEL: (u32, u32) = (420, 300);
const COLUMNS: usize = 2;
const CAPTION: (&str, u32) = ("sans-serif", 16);

/// One panel per stage: J over epochs, on training samples (blue) and validation samples (red).
/// Values that are not finite are left out, and positive ones that span more than three decades are
/// drawn on a logarithmic axis.
///
/// # Errors
///
/// Refuses an empty list, and a curve without epochs.
pub fn loss_curves(curves: &[Curve]) -> Result<String, ReportError> {
    if curves.is_empty() || curves.iter().any(|c| c.training.is_empty()) {
        return Err(ReportError::Empty { picture: PICTURE });
    }
    let columns = curves.len().min(COLUMNS);
    let rows = curves.len().div_ceil(columns);
    let mut svg = String::new();
    {
        let size = (PANEL.0 * columns as u32, PANEL.1 * rows as u32);
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        for (panel, curve) in root.split_evenly((rows, columns)).iter().zip(curves) {
            let all = curve.training.iter().chain(&curve.validation);
            match Axis::of(all.copied()) {
                Some((axis, range)) => draw(panel, curve, axis, range)?,
                None => draw_nothing(panel, curve)?,
            }
        }
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

fn draw(
    panel: &Panel<'_>,
    curve: &Curve,
    axis: Axis,
    range: Range<f64>,
) -> Result<(), ReportError> {
    let epochs = curve.training.len().max(curve.validation.len()).max(2) as f64;
    let mut chart = ChartBuilder::on(panel)
        .caption(&curve.title, CAPTION)
        .margin(10)
        .x_label_area_size(34)
        .y_label_area_size(58)
        .build_cartesian_2d(1.0..epochs, range)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .y_desc(axis.title())
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|epoch| format!("{epoch:.0}"))
        .y_label_formatter(&|&place| axis.label(place))
        .light_line_style(TRANSPARENT)
        .draw()
        .map_err(failed)?;
    for (values, colour) in [(&curve.training, BLUE), (&curve.validation, RED)] {
        let style = ShapeStyle::from(&colour).stroke_width(2);
        for piece in finite_pieces(values) {
            let points = piece.iter().map(|&(epoch, v)| (epoch, axis.place(v)));
            let dot = points.clone().filter(|_| piece.len() == 1);
            let dots = dot.map(|point| Circle::new(point, 2, style.filled()));
            chart.draw_series(dots).map_err(failed)?;
            chart
                .draw_series(LineSeries::new(points, style))
                .map_err(failed)?;
        }
    }
    Ok(())
}

/// Runs of consecutive finite values, with their epochs.
fn finite_pieces(values: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let numbered: Vec<(f64, f64)> = (1..).map(f64::from).zip(values.iter().copied()).collect();
    numbered
        .split(|(_, value)| !value.is_finite())
        .filter(|piece| !piece.is_empty())
        .map(<[_]>::to_vec)
        .collect()
}

/// A panel that says why it is empty.
fn draw_nothing(panel: &Panel<'_>, curve: &Curve) -> Result<(), ReportError> {
    let panel = panel.titled(&curve.title, CAPTION).map_err(failed)?;
    let (width, height) = panel.dim_in_pixel();
    let style = TextStyle::from(CAPTION.into_font()).pos(Pos::new(HPos::Center, VPos::Center));
    let middle = (width as i32 / 2, height as i32 / 2);
    panel
        .draw_text("no finite value", &style, middle)
        .map_err(failed)
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

    #[test]
    fn one_panel_per_stage_one_line_per_set() {
        let curve = |validation: Vec<f64>| Curve {
            title: "autoencoder-1".to_owned(),
            training: vec![3.0, 2.0, 1.5],
            validation,
        };
        let svg = loss_curves(&[curve(vec![]), curve(vec![3.5, 2.5, 2.0])]).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert_eq!(svg.matches("autoencoder-1").count(), 2);
        assert_eq!(svg.matches("#FF0000").count(), 1);
        assert_eq!(svg.matches("stroke=\"#0000FF\"").count(), 2);
    }

    fn drawn(training: Vec<f64>, validation: Vec<f64>) -> String {
        let curve = Curve {
            title: "stage".to_owned(),
            training,
            validation,
        };
        loss_curves(&[curve]).unwrap()
    }

    #[test]
    fn a_single_epoch_and_a_flat_curve_are_drawn() {
        assert!(drawn(vec![1.0], vec![]).contains("<circle"));
        assert!(!drawn(vec![0.0; 5], vec![]).contains("<circle"));
        assert!(loss_curves(&[]).is_err());
    }

    /// Every one of these hung or failed when the values themselves were the range of the axis.
    #[test]
    fn any_number_can_be_drawn() {
        for extreme in [1e37, 1e300, f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324] {
            drawn(vec![extreme], vec![]);
            drawn(vec![extreme; 4], vec![]);
            drawn(vec![1.0, extreme, 0.5], vec![extreme]);
            drawn(vec![0.0, extreme, -extreme, 1e-200], vec![2.0]);
        }
    }

    #[test]
    fn what_is_not_finite_leaves_a_gap() {
        let svg = drawn(vec![3.0, 2.0, f64::NAN, f64::INFINITY, 1.0, 0.5], vec![]);
        assert_eq!(svg.matches("stroke=\"#0000FF\"").count(), 2);
        let svg = drawn(vec![f64::NAN, f64::INFINITY], vec![f64::NEG_INFINITY]);
        assert!(svg.contains("no finite value") && svg.contains("stage"));
    }

    #[test]
    fn many_decades_have_a_logarithmic_axis() {
        assert!(drawn(vec![1e6, 1.0], vec![]).contains("J (log)"));
        assert!(!drawn(vec![9e2, 1.0], vec![]).contains("J (log)"));
    }
}
