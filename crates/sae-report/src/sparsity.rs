//! The sparsity term of each hidden unit.

use crate::ReportError;
use crate::chart::{Line, Panel, line_chart};
use crate::frame::Mark;
use crate::legend::LineStyle;

const PICTURE: &str = "sparsity curve";
/// Points of a curve. More would show the pixels between which it is drawn.
const POINTS: usize = 100;
/// The curve is drawn between this and one minus this; units nearer to 0 or 1 are drawn there.
const NEAR_END: f64 = 0.005;
/// How far the second panel reaches beyond ρ and most units, as a share of their range.
const AROUND: f64 = 0.3;
/// The share of units that the second panel leaves out at each end.
const LEFT_OUT: f64 = 0.02;

/// KL(ρ ‖ ρ̂) = ρ log(ρ / ρ̂) + (1 − ρ) log((1 − ρ) / (1 − ρ̂)) over ρ̂ in (0, 1) as SVG, with the
/// minimum at ρ and a half-transparent dot for each hidden unit; beside it the part around ρ where
/// most units lie.
///
/// # Shapes
///
/// - rho_hat: `[unit]`, mean activations in [0, 1]
///
/// # Errors
///
/// Refuses ρ outside (0, 1), and an empty list or a mean activation outside [0, 1].
pub fn sparsity_curve(rho: f64, rho_hat: &[f64]) -> Result<String, ReportError> {
    if rho_hat.is_empty() {
        return Err(ReportError::Empty { picture: PICTURE });
    }
    let outside = |name: String, value: f64, expected: &'static str| ReportError::Outside {
        picture: PICTURE,
        name,
        value,
        expected,
    };
    if !(rho > 0.0 && rho < 1.0) {
        return Err(outside("rho".to_owned(), rho, "a number in (0, 1)"));
    }
    let within = |value: &f64| (0.0..=1.0).contains(value);
    if let Some(unit) = rho_hat.iter().position(|value| !within(value)) {
        let name = format!("rho_hat of hidden unit {unit} (counted from 0)");
        return Err(outside(name, rho_hat[unit], "a number in [0, 1]"));
    }
    let units: Vec<f64> = (rho_hat.iter())
        .map(|value| value.clamp(NEAR_END, 1.0 - NEAR_END))
        .collect();
    let whole = panel("all of (0, 1)", rho, &units, (NEAR_END, 1.0 - NEAR_END));
    let near = panel("around rho", rho, &units, around(rho, &units));
    line_chart(&[whole, near])
}

/// KL(ρ ‖ ρ̂) in nats.
fn divergence(rho: f64, rho_hat: f64) -> f64 {
    rho * (rho / rho_hat).ln() + (1.0 - rho) * ((1.0 - rho) / (1.0 - rho_hat)).ln()
}

/// Where ρ and most units lie, and a bit more.
fn around(rho: f64, units: &[f64]) -> (f64, f64) {
    let mut sorted = units.to_vec();
    sorted.sort_by(f64::total_cmp);
    let skipped = (LEFT_OUT * sorted.len() as f64) as usize;
    let low = sorted[skipped].min(rho);
    let high = sorted[sorted.len() - 1 - skipped].max(rho);
    let more = AROUND * (high - low).max(0.2 * rho);
    (
        (low - more).max(NEAR_END.min(0.5 * rho)),
        (high + more).min(1.0 - NEAR_END.min(0.5 * (1.0 - rho))),
    )
}

fn panel(title: &str, rho: f64, units: &[f64], (low, high): (f64, f64)) -> Panel {
    let point = |rho_hat: f64| (rho_hat, divergence(rho, rho_hat));
    let step = (high - low) / (POINTS - 1) as f64;
    let curve = (0..POINTS).map(|i| point(low + i as f64 * step)).collect();
    let shown = units.iter().filter(|unit| (low..=high).contains(unit));
    let line = |name: &str, points, style| Line {
        name: name.to_owned(),
        points,
        style,
    };
    Panel {
        title: format!("sparsity term, {title}"),
        x_title: "rho_hat".to_owned(),
        y_title: "KL(rho, rho_hat)".to_owned(),
        lines: vec![
            line("KL(rho, rho_hat)", curve, LineStyle::Solid),
            line(
                "hidden units",
                shown.copied().map(point).collect(),
                LineStyle::Dots,
            ),
        ],
        marks: vec![Mark::vertical(format!("rho = {rho}"), rho)],
        ..Panel::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divergence_is_that_of_the_formula() {
        assert_eq!(divergence(0.2, 0.2), 0.0);
        // 0.05 ln 0.1 + 0.95 ln 1.9, by hand.
        assert!((divergence(0.05, 0.5) - 0.494_631_7).abs() < 1e-6);
        assert!(divergence(0.05, 0.04) > 0.0 && divergence(0.05, 0.06) > 0.0);
    }

    #[test]
    fn every_unit_is_marked_and_most_of_them_twice() {
        let mut units: Vec<f64> = (0..99).map(|i| 0.04 + 0.0002 * f64::from(i)).collect();
        units.push(0.9);
        let svg = sparsity_curve(0.05, &units).unwrap();
        // One key per panel; the unit at 0.9 is in the first only.
        assert_eq!(svg.matches("<circle").count(), 100 + 99 + 2);
        assert_eq!(svg.matches("rho = 0.05").count(), 2);
        let (low, high) = around(0.05, &units);
        assert!(low > 0.03 && high < 0.07, "{low} to {high}");
    }

    #[test]
    fn dead_and_saturated_units_are_at_the_ends() {
        for rho in [1e-3, 0.05, 0.5, 0.999] {
            let svg = sparsity_curve(rho, &[0.0, 1.0]).unwrap();
            assert_eq!(svg.matches("<circle").count(), 4 + 2, "{rho}");
        }
        assert!(sparsity_curve(1e-300, &[0.5]).is_ok());
    }

    #[test]
    fn what_is_no_mean_activation_is_refused() {
        assert_eq!(
            sparsity_curve(0.1, &[0.1, 1.5]).unwrap_err().to_string(),
            "sparsity curve: rho_hat of hidden unit 1 (counted from 0) is 1.5; expected a number \
             in [0, 1]"
        );
        for rho in [0.0, 1.0, f64::NAN] {
            assert!(sparsity_curve(rho, &[0.1]).is_err());
        }
        assert!(sparsity_curve(0.1, &[f64::NAN]).is_err() && sparsity_curve(0.1, &[]).is_err());
    }
}
