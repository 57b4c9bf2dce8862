//! Loss curves.

use crate::ReportError;
use crate::axis::AxisScale;
use crate::chart::{Line, Panel, line_chart};
use crate::legend::LineStyle;

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

/// One panel per stage as SVG: J over epochs, on training samples (solid) and validation samples
/// (dashed). Values that are not finite are left out, and positive ones that span more than three
/// decades are drawn on a logarithmic axis.
///
/// # Errors
///
/// Refuses an empty list, and a curve without epochs.
pub fn loss_curves(curves: &[Curve]) -> Result<String, ReportError> {
    if curves.is_empty() || curves.iter().any(|c| c.training.is_empty()) {
        return Err(ReportError::Empty {
            picture: "loss curves",
        });
    }
    let panels: Vec<Panel> = curves.iter().map(panel).collect();
    line_chart(&panels)
}

fn panel(curve: &Curve) -> Panel {
    let sets = [
        ("training", &curve.training, LineStyle::Solid),
        ("validation", &curve.validation, LineStyle::Dashed),
    ];
    let sets = sets.into_iter().filter(|(_, values, _)| !values.is_empty());
    let lines = sets.map(|(name, values, style)| Line {
        name: name.to_owned(),
        points: (1..).map(f64::from).zip(values.iter().copied()).collect(),
        style,
    });
    Panel {
        title: curve.title.clone(),
        x_title: "epoch".to_owned(),
        y_title: "J".to_owned(),
        y_scale: AxisScale::Automatic,
        lines: lines.collect(),
        ..Panel::default()
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
        assert_eq!(svg.matches("validation").count(), 1);
        let lines = |colour: &str| svg.matches(&format!("stroke=\"{colour}\"")).count();
        // Two lines, and the key of one; the other is dashed.
        assert_eq!(lines("#0072B2"), 3);
        assert!(lines("#D55E00") > 10);
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
        assert_eq!(svg.matches("stroke=\"#0072B2\"").count(), 2);
        let svg = drawn(vec![f64::NAN, f64::INFINITY], vec![f64::NEG_INFINITY]);
        assert!(svg.contains("no finite value") && svg.contains("stage"));
    }

    #[test]
    fn many_decades_have_a_logarithmic_axis() {
        assert!(drawn(vec![1e6, 1.0], vec![]).contains("J (log)"));
        assert!(!drawn(vec![9e2, 1.0], vec![]).contains("J (log)"));
    }
}
