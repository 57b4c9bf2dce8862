//! Loss curves as SVG.

use plotters::prelude::*;

use crate::ReportError;

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

/// One panel per stage: J over epochs, on training samples (blue) and validation samples (red).
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
            draw(panel, curve)?;
        }
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

fn draw(
    panel: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    curve: &Curve,
) -> Result<(), ReportError> {
    let all = || curve.training.iter().chain(&curve.validation).copied();
    let (low, high) = all().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
    let margin = (0.05 * (high - low)).max(1e-9 + 1e-6 * high.abs());
    let epochs = curve.training.len().max(2) as f64;
    let mut chart = ChartBuilder::on(panel)
        .caption(&curve.title, ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(34)
        .y_label_area_size(58)
        .build_cartesian_2d(1.0..epochs, low - margin..high + margin)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .x_desc("epoch")
        .y_desc("J")
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|epoch| format!("{epoch:.0}"))
        .light_line_style(TRANSPARENT)
        .draw()
        .map_err(failed)?;
    for (values, colour) in [(&curve.training, BLUE), (&curve.validation, RED)] {
        let points = values.iter().enumerate().map(|(i, &v)| ((i + 1) as f64, v));
        let style = ShapeStyle::from(&colour).stroke_width(2);
        chart
            .draw_series(LineSeries::new(points, style))
            .map_err(failed)?;
    }
    Ok(())
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

    #[test]
    fn a_single_epoch_and_a_flat_curve_are_drawn() {
        for training in [vec![1.0], vec![0.0; 5]] {
            let curve = Curve {
                title: "flat".to_owned(),
                training,
                validation: vec![],
            };
            loss_curves(&[curve]).unwrap();
        }
        assert!(loss_curves(&[]).is_err());
    }
}
