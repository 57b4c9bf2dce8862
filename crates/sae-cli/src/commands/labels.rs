//! `sae labels`

use std::path::Path;
use std::process::ExitCode;

use sae::data::WriteError;
use sae::stack::{EpochMetrics, Finished, Observer, Stage};
use sae::train::{TrainError, Training};
use sae::{
    ClassifierKind, LabelsFigure, LabelsFit, LabelsObserver, LabelsPlan, LabelsReport, use_threads,
    write_file,
};

use crate::args::LabelsArgs;
use crate::error::CliError;
use crate::output;
use crate::progress::Progress;

const JSON: &str = "labels.json";
const CSV: &str = "labels.csv";
const PLOT: &str = "labels.svg";

/// Compares classifiers with and without pretraining at several shares of labels.
pub fn run(args: &LabelsArgs) -> Result<ExitCode, CliError> {
    let experiment = super::config::load(&args.config)?;
    if let Some(folder) = &args.out {
        check_folder(folder, args.overwrite)?;
    }
    use_threads(experiment.threads())?;
    let plan = LabelsPlan {
        shares: args.shares.clone(),
        seeds: args.seeds.into(),
    };
    let mut progress = LabelsProgress(Progress::new(args.quiet));
    let report = experiment.labels(&plan, &mut progress)?;
    let json = serde_json::to_string_pretty(&report)
        .map_err(|error| CliError::input(error.to_string()))?;
    if let Some(folder) = &args.out {
        make_folder(folder)?;
        write_file(&folder.join(JSON), format!("{json}\n").as_bytes())?;
        write_file(&folder.join(CSV), report.to_csv().as_bytes())?;
        write_file(&folder.join(PLOT), report.to_svg()?.as_bytes())?;
    }
    output::result(match args.json {
        true => json,
        false => table(&report, args.out.as_deref()),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Refuses, before the work begins, a folder that cannot be one, and files that are there.
fn check_folder(folder: &Path, overwrite: bool) -> Result<(), CliError> {
    let mut above = folder.ancestors().filter(|path| path.exists());
    if let Some(path) = above.next().filter(|path| !path.is_dir()) {
        return Err(CliError::input(format!(
            "--out is {}, but {} is a file; expected a folder",
            folder.display(),
            path.display()
        )));
    }
    let files = [JSON, CSV, PLOT].map(|name| folder.join(name));
    match files.into_iter().find(|file| file.exists()) {
        Some(file) if !overwrite => Err(CliError::input(format!(
            "{} is there already; give another --out, or --overwrite to replace it",
            file.display()
        ))),
        _ => Ok(()),
    }
}

fn make_folder(folder: &Path) -> Result<(), CliError> {
    let made = std::fs::create_dir_all(folder);
    Ok(made.map_err(|error| WriteError::new(folder, error))?)
}

/// Shows pretraining as `sae train` does, and one line for each classifier, whose epochs are many and
/// short.
struct LabelsProgress(Progress);

impl Observer for LabelsProgress {
    fn started(&mut self, stage: Stage, training: &Training, epochs: usize) {
        if let Stage::Autoencoder(_) = stage {
            self.0.started(stage, training, epochs);
        }
    }

    fn epoch(&mut self, stage: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
        match stage {
            Stage::Autoencoder(_) => self.0.epoch(stage, metrics),
            _ => Ok(()),
        }
    }

    fn finished(&mut self, stage: Stage, finished: Finished<'_>) -> Result<(), TrainError> {
        match stage {
            Stage::Autoencoder(_) => self.0.finished(stage, finished),
            _ => Ok(()),
        }
    }
}

impl LabelsObserver for LabelsProgress {
    fn fitted(&mut self, fit: &LabelsFit) {
        self.0.line(&format!(
            "seed {}, {} of labels, {}: test accuracy {:.2}%; {}; {:.1} s",
            fit.seed,
            percent(fit.share),
            fit.classifier,
            100.0 * fit.accuracy,
            fit.ended,
            fit.seconds
        ));
    }
}

fn percent(share: f64) -> String {
    format!("{}%", 100.0 * share)
}

fn table(report: &LabelsReport, folder: Option<&Path>) -> String {
    let mut lines = vec![format!(
        "test accuracy in percent, {} seeds: mean ± standard deviation (least to largest)",
        report.seeds.len()
    )];
    let mut header = format!("{:>8} {:>15}", "labels", "number");
    for kind in ClassifierKind::ALL {
        header.push_str(&format!("  {:<32}", kind.to_string()));
    }
    lines.push(header.trim_end().to_owned());
    let of = |kind: ClassifierKind| report.figures.iter().filter(move |f| f.classifier == kind);
    for first in of(ClassifierKind::Pretrained) {
        let mut line = format!("{:>8} {:>15}", percent(first.share), numbers(report, first));
        for kind in ClassifierKind::ALL {
            if let Some(figure) = of(kind).find(|figure| figure.share == first.share) {
                line.push_str(&format!("  {:<32}", accuracy(figure)));
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.push(format!(
        "number: of labels to train on + to end training by; pretrained on {} samples without labels; \
         tested on {}",
        report.pretrained_on, report.test
    ));
    for figure in report.figures.iter().filter(|f| f.not_converged > 0) {
        lines.push(format!(
            "* not converged: {} of {} ({} of labels, {}) ended with their last epoch; raise its epochs",
            figure.not_converged,
            report.seeds.len(),
            percent(figure.share),
            figure.classifier
        ));
    }
    lines.push(format!("time: {:.1} s", report.seconds));
    if let Some(folder) = folder {
        lines.push(format!("{JSON}, {CSV}, {PLOT} in {}", folder.display()));
    }
    lines.join("\n")
}

/// How many labels there were, `180 + 20`; of seeds that differ, the least.
fn numbers(report: &LabelsReport, figure: &LabelsFigure) -> String {
    let fits = || report.fits_of(figure.share, figure.classifier);
    let least = |count: fn(&LabelsFit) -> usize| fits().map(count).min().unwrap_or(0);
    format!(
        "{} + {}",
        least(|fit| fit.labels),
        least(|fit| fit.validation_labels)
    )
}

fn accuracy(figure: &LabelsFigure) -> String {
    let spread = figure.accuracy;
    let [mean, deviation, least, largest] =
        [spread.mean, spread.deviation, spread.least, spread.largest].map(|share| 100.0 * share);
    let mark = if figure.not_converged > 0 { " *" } else { "" };
    format!("{mean:.2} ± {deviation:.2} ({least:.2} to {largest:.2}){mark}")
}
