//! What is shown while a stack is trained.

use std::io::{IsTerminal, stderr};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use sae::Observer;
use sae::stack::{Details, EpochMetrics, Finished, Stage};
use sae::train::{Retreat, TrainError, Training};

use crate::output;

/// Shows a bar on a terminal, plain lines elsewhere, or nothing.
pub struct Progress {
    quiet: bool,
    bar: Option<ProgressBar>,
    epochs: usize,
    started: Instant,
    /// J of the first and the last epoch of the stage.
    objectives: Option<(f64, f64)>,
    /// Whether the stage was over before.
    restored: bool,
}

/// Most lines of a stage that stay above its bar.
const LINES: usize = 10;

/// What the words in the lines of progress mean.
pub const LEGEND: &str = "J: what is minimised, a mean over samples, and its terms; rmse: of the \
    reconstruction; rho_hat: mean activation of the hidden units; dead: units with rho_hat below a \
    tenth of rho; saturated: above 0.9; cross-entropy in nats (1 nat = 1.44 bits)";

impl Progress {
    /// Shows nothing where `quiet` is set.
    pub fn new(quiet: bool) -> Self {
        Self {
            quiet,
            bar: None,
            epochs: 0,
            started: Instant::now(),
            objectives: None,
            restored: false,
        }
    }

    /// Every how many epochs a line stays above the bar.
    fn every(&self) -> usize {
        self.epochs.div_ceil(LINES)
    }

    /// Prints a line unless all is quiet.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            output::progress(text);
        }
    }
}

/// Whether a bar can be drawn: not into a file, and not on a terminal that cannot go back.
pub fn draws_bars() -> bool {
    stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

impl Observer for Progress {
    fn started(&mut self, stage: Stage, training: &Training, epochs: usize) {
        (self.started, self.objectives) = (Instant::now(), None);
        self.restored = false;
        self.epochs = training.epochs;
        self.bar = (!self.quiet && draws_bars()).then(|| {
            // What does not fit the terminal's width is cut.
            let style = ProgressStyle::with_template(
                "{prefix} {bar:16} {pos}/{len} {eta} left  {wide_msg}",
            );
            ProgressBar::new(training.epochs as u64)
                .with_position(epochs as u64)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(stage.to_string())
        });
    }

    fn restored(&mut self, _: Stage) {
        self.restored = true;
    }

    fn epoch(&mut self, stage: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
        let first = self
            .objectives
            .map_or(metrics.objective, |(first, _)| first);
        self.objectives = Some((first, metrics.objective));
        let figures = figures(metrics);
        match &self.bar {
            Some(bar) => {
                bar.inc(1);
                if metrics.epoch == 1 || metrics.epoch.is_multiple_of(self.every()) {
                    let objective = short(metrics.objective);
                    bar.println(format!("{stage} epoch {:>3}  J {objective}", metrics.epoch));
                }
                bar.set_message(figures);
            }
            None => {
                let (epoch, epochs) = (metrics.epoch, self.epochs);
                self.line(&format!("{stage:<13} epoch {epoch:>3}/{epochs}  {figures}"));
            }
        }
        Ok(())
    }

    fn retreated(&mut self, stage: Stage, retreat: &Retreat) -> Result<(), TrainError> {
        let Retreat {
            retreats,
            most,
            epoch,
            learning_rate,
            cause,
        } = retreat;
        let line = format!(
            "{stage:<13} epoch {epoch:>3} begins again with learning_rate {learning_rate}: {cause} \
             (retreat {retreats} of {most})"
        );
        match &self.bar {
            Some(bar) => bar.println(line),
            None => self.line(&line),
        }
        Ok(())
    }

    fn finished(&mut self, stage: Stage, finished: Finished<'_>) -> Result<(), TrainError> {
        let figures = match finished {
            Finished::Autoencoder { report, .. } => format!("test {}", details(&report.test)),
            Finished::Network(_, evaluation) => {
                format!("test accuracy {:.2}%", 100.0 * evaluation.accuracy)
            }
        };
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if self.restored {
            self.line(&format!("{stage:<13} was done before, {figures}"));
            return Ok(());
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let fell = match self.objectives {
            Some((first, last)) => format!("J {} to {}, ", short(first), short(last)),
            None => String::new(),
        };
        self.line(&format!(
            "{stage:<13} done in {seconds:.1} s, {fell}{figures}"
        ));
        Ok(())
    }
}

/// A number in a few digits, whatever its size.
pub fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-4..1e6).contains(&size) => format!("{value:.5}"),
        _ => format!("{value:.4e}"),
    }
}

fn figures(metrics: &EpochMetrics) -> String {
    let mut text = format!("J {}", short(metrics.objective));
    for (name, value) in metrics.terms.iter() {
        text.push_str(&format!("  {name} {}", short(value)));
    }
    text.push_str(&format!("  {}", details(&metrics.details)));
    if let Some(validation) = metrics.validation_objective {
        text.push_str(&format!("  validation J {}", short(validation)));
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
            "rmse {}  rho_hat {mean_rho_hat:.4}  dead {dead_units}  saturated {saturated_units}",
            short(*rmse)
        ),
        Details::Classifier { accuracy } => format!("accuracy {:.2}%", 100.0 * accuracy),
    }
}
