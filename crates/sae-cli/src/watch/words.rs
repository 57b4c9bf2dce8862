//! The figures of a stage's last epoch, in words.

use ratatui::text::Line;
use sae::StageProgress;
use sae::stack::{Details, EpochMetrics};

use crate::progress::short;

/// One line per figure; none before the first epoch.
pub fn lines(stage: &StageProgress) -> Vec<Line<'static>> {
    let Some(last) = stage.metrics.last() else {
        return vec![];
    };
    let mut lines = vec![epoch(stage, last), objective(last)];
    let terms = last.terms.iter();
    lines.extend(terms.map(|(name, value)| format!("  {name} {}", short(value))));
    lines.extend(details(stage, last));
    let norm = last.gradient_norm;
    lines.extend(norm.map(|norm| format!("gradient norm {}", short(norm))));
    lines.push(format!("learning rate {}", short(last.learning_rate)));
    let (seconds, rate) = (short(last.seconds), last.samples_per_second);
    lines.push(format!("{seconds} s per epoch, {rate:.0} samples/s"));
    lines.into_iter().map(Line::from).collect()
}

fn epoch(stage: &StageProgress, last: &EpochMetrics) -> String {
    let left = match stage.seconds_left() {
        None => "done".to_owned(),
        Some(seconds) => format!("at most {} left", duration(seconds)),
    };
    format!("epoch {} of {}, {left}", last.epoch, stage.planned)
}

/// Seconds as people say them.
fn duration(seconds: f64) -> String {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 60.0 * MINUTE;
    match seconds {
        s if s < MINUTE => format!("{:.0} s", s.ceil()),
        s if s < HOUR => format!("{:.0} min {:.0} s", (s / MINUTE).floor(), s % MINUTE),
        s => format!("{:.0} h {:.0} min", (s / HOUR).floor(), s % HOUR / MINUTE),
    }
}

/// A figure, and the same on the validation samples.
fn both(name: &str, training: String, validation: Option<String>) -> String {
    match validation {
        Some(validation) => format!("{name} {training}, validation {validation}"),
        None => format!("{name} {training}"),
    }
}

fn objective(last: &EpochMetrics) -> String {
    both(
        "J",
        short(last.objective),
        last.validation_objective.map(short),
    )
}

fn details(stage: &StageProgress, last: &EpochMetrics) -> Vec<String> {
    let percent = |share: f64| format!("{:.2}%", 100.0 * share);
    match last.details {
        Details::Autoencoder {
            rmse,
            mean_rho_hat,
            dead_units,
            saturated_units,
        } => {
            let rho = stage.rho.map(|rho| format!(", rho {rho}"));
            vec![
                both("rmse", short(rmse), last.validation_rmse.map(short)),
                format!("mean rho_hat {mean_rho_hat:.4}{}", rho.unwrap_or_default()),
                format!("{dead_units} dead units, {saturated_units} saturated"),
            ]
        }
        Details::Classifier { accuracy } => {
            let validation = last.validation_accuracy.map(percent);
            vec![both("accuracy", percent(accuracy), validation)]
        }
    }
}
