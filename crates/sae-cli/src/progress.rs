//! What is shown and saved while a stack is trained.

use std::io::{IsTerminal, stderr};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use sae_report::Curve;
use sae_stack::{Details, EpochMetrics, Observer, Outcome, Stage, encode_weights};
use sae_train::{TrainError, Training};

use crate::output;
use crate::run_folder::RunFolder;

/// Shows a bar on a terminal and plain lines elsewhere, appends every epoch to the metrics and
/// writes the weights of every stage as soon as it is finished.
pub struct Recorder<'a> {
    folder: &'a RunFolder,
    bar: Option<ProgressBar>,
    epochs: usize,
    started: Instant,
    /// J of every stage, for the picture.
    pub curves: Vec<Curve>,
    /// Seconds of every stage, in order, with evaluation.
    pub seconds: Vec<(String, f64)>,
}

impl<'a> Recorder<'a> {
    /// Records into `folder`.
    pub fn new(folder: &'a RunFolder) -> Self {
        Self {
            folder,
            bar: None,
            epochs: 0,
            started: Instant::now(),
            curves: Vec::new(),
            seconds: Vec::new(),
        }
    }

    fn show(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(line.to_owned()),
            None => output::progress(line),
        }
    }
}

impl Observer for Recorder<'_> {
    fn started(&mut self, stage: Stage, training: &Training) {
        self.started = Instant::now();
        self.epochs = training.epochs;
        self.curves.push(Curve {
            title: stage.to_string(),
            training: Vec::new(),
            validation: Vec::new(),
        });
        self.bar = stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{prefix:>13} {bar:24} {pos}/{len} {eta} left  {msg}");
            ProgressBar::new(training.epochs as u64)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(stage.to_string())
        });
    }

    fn epoch(&mut self, stage: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
        self.folder.append_metrics(metrics)?;
        if let Some(curve) = self.curves.last_mut() {
            curve.training.push(metrics.objective);
            curve.validation.extend(metrics.validation_objective);
        }
        let figures = figures(metrics);
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                self.show(&figures);
            }
            None => {
                let (epoch, epochs) = (metrics.epoch, self.epochs);
                self.show(&format!("{stage:<13} epoch {epoch:>3}/{epochs}  {figures}"));
            }
        }
        Ok(())
    }

    fn finished(&mut self, stage: Stage, outcome: Outcome<'_>) -> Result<(), TrainError> {
        let (weights, figures) = match outcome {
            Outcome::Autoencoder(model, report) => (
                encode_weights(model),
                format!("test {}", details(&report.test)),
            ),
            Outcome::Network(network, evaluation) => (
                encode_weights(network),
                format!("test accuracy {:.2}%", 100.0 * evaluation.accuracy),
            ),
        };
        self.folder.write_weights(&stage.to_string(), &weights)?;
        let seconds = self.started.elapsed().as_secs_f64();
        self.seconds.push((stage.to_string(), seconds));
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        output::progress(format!("{stage:<13} done in {seconds:.1} s, {figures}"));
        Ok(())
    }
}

fn figures(metrics: &EpochMetrics) -> String {
    let mut text = format!("J {:.5}", metrics.objective);
    for (name, value) in &metrics.terms {
        text.push_str(&format!("  {name} {value:.5}"));
    }
    text.push_str(&format!("  {}", details(&metrics.details)));
    if let Some(validation) = metrics.validation_objective {
        text.push_str(&format!("  validation J {validation:.5}"));
    }
    text.push_str(&format!("  {:.0} samples/s", metrics.samples_per_second));
    text
}

fn details(details: &Details) -> String {
    match details {
        Details::Autoencoder {
            rmse,
            mean_rho_hat,
            dead_units,
            saturated_units,
        } => format!(
            "rmse {rmse:.4}  rho_hat {mean_rho_hat:.4}  dead {dead_units}  saturated \
             {saturated_units}"
        ),
        Details::Classifier { accuracy } => format!("accuracy {:.2}%", 100.0 * accuracy),
    }
}
