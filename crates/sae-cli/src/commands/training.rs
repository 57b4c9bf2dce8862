//! What `sae train` and `sae resume` say and do alike.

use std::process::ExitCode;

use sae::stack::{Details, Ended, Evaluation};
use sae::{Experiment, FIGURES, Prepared, REPORT, RunFolder, RunSummary, use_threads};

use crate::error::CliError;
use crate::output;
use crate::progress::{LEGEND, Progress, short};
use crate::ranks::Ranks;
use crate::wish;

/// Loads the data and opens the device; from now on signals are heard.
pub fn prepare(
    experiment: &Experiment,
    progress: &Progress,
    ranks: &Ranks,
) -> Result<Prepared, CliError> {
    let group = ranks.group(experiment)?;
    use_threads(ranks.threads(experiment))?;
    if experiment.threads > experiment.threads() {
        progress.line(&format!(
            "threads is {}; {} are used, as many as there are processors",
            experiment.threads,
            experiment.threads()
        ));
    }
    let stop = wish::from_signals(|text| output::progress(text))?;
    let mut prepared = experiment.prepare()?;
    prepared.stop = stop;
    ranks.join(&mut prepared, group);
    Ok(prepared)
}

/// Says what is about to be trained.
pub fn announce(progress: &Progress, prepared: &Prepared, folder: &str) {
    progress.line(&announcement(prepared, folder));
    progress.line(LEGEND);
}

/// Says what came out.
pub fn conclude(
    progress: &Progress,
    experiment: &Experiment,
    summary: &RunSummary,
    folder: &RunFolder,
) -> Result<ExitCode, CliError> {
    for warning in warnings(summary) {
        progress.line(&format!("warning: {warning}"));
    }
    let folder = folder.path().display().to_string();
    output::result(report(summary, &folder, experiment.report))?;
    Ok(ExitCode::SUCCESS)
}

fn announcement(prepared: &Prepared, folder: &str) -> String {
    let layers = prepared.settings.layers.iter();
    let hidden: String = layers.map(|layer| format!("-{}", layer.hidden)).collect();
    let classes = match (&prepared.settings.classifier, prepared.facts.classes.len()) {
        (Some(_), classes) => format!("-{classes}"),
        _ => String::new(),
    };
    let facts = &prepared.facts;
    let obstacle = match &prepared.choice.obstacle {
        Some(obstacle) => format!(" (not the fused kernels: {obstacle})"),
        None => String::new(),
    };
    format!(
        "{}{hidden}{classes}, {} training, {} validation and {} test samples; backend {}, computed \
         by {}{obstacle}, seed {}; writing {folder}",
        prepared.data.train.samples.width(),
        facts.train,
        facts.validation,
        facts.test,
        prepared.experiment.backend,
        prepared.choice.executor,
        prepared.experiment.seed,
    )
}

/// What looks like a run that has collapsed.
fn warnings(summary: &RunSummary) -> Vec<String> {
    let mut warnings = Vec::new();
    for layer in &summary.results.layers {
        if let Details::Autoencoder {
            dead_units,
            saturated_units,
            ..
        } = layer.train
            && 2 * (dead_units + saturated_units) > layer.hidden
        {
            warnings.push(format!(
                "of the {} units of autoencoder {}, {dead_units} are dead and {saturated_units} \
                 saturated; try a lower learning rate, or another beta or rho where beta is not 0",
                layer.hidden, layer.layer
            ));
        }
    }
    if let Some(classifier) = &summary.results.classifier {
        let after = &classifier.after_finetuning;
        let largest = after.confusion.iter().map(|row| row.iter().sum::<usize>());
        let chance = largest.max().unwrap_or(0) as f64 / after.samples as f64;
        if after.accuracy <= chance {
            warnings.push(format!(
                "the accuracy is no better than always naming the largest class ({:.2}%); nothing \
                 was learned: look at the dead units, beta and the learning rates",
                100.0 * chance
            ));
        }
        let ends = [classifier.finetune, classifier.control];
        if classifier.control.is_some() && ends.iter().flatten().any(|end| !end.converged()) {
            warnings.push(
                "the comparison with random initialisation is not one at convergence; set \
                 data.validation and finetune.validation_patience, and raise finetune.epochs"
                    .to_owned(),
            );
        }
    }
    warnings
}

fn report(summary: &RunSummary, folder: &str, reports: bool) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<38} {value}\n"));
    for layer in &summary.results.layers {
        let rmse = |details: &Details| match details {
            Details::Autoencoder { rmse, .. } if *rmse < 1e4 => format!("{rmse:.4}"),
            Details::Autoencoder { rmse, .. } => short(*rmse),
            Details::Classifier { .. } => String::new(),
        };
        line(
            &format!(
                "autoencoder {} ({}-{})",
                layer.layer, layer.inputs, layer.hidden
            ),
            format!(
                "RMSE {} train, {} test; {} epochs, {}",
                rmse(&layer.train),
                rmse(&layer.test),
                layer.epochs,
                layer.stopped
            ),
        );
    }
    let mut accuracy = |name: &str, evaluation: Option<&Evaluation>, ended: Option<Ended>| {
        if let Some(evaluation) = evaluation {
            let ended = ended.map_or_else(String::new, |ended| format!("; {ended}"));
            line(
                name,
                format!(
                    "test accuracy {:.2}%, cross-entropy {} nats{ended}",
                    100.0 * evaluation.accuracy,
                    short(evaluation.cross_entropy)
                ),
            );
        }
    };
    if let Some(classifier) = &summary.results.classifier {
        let (before, after) = (&classifier.before_finetuning, &classifier.after_finetuning);
        accuracy("before fine-tuning", Some(before), classifier.softmax);
        accuracy("after fine-tuning", Some(after), classifier.finetune);
        let control = classifier.from_random.as_ref();
        let name = "fine-tuned from random initialisation";
        accuracy(name, control, classifier.control);
    }
    line("time", format!("{:.1} s", summary.seconds));
    line("run folder", folder.to_owned());
    if reports {
        line(
            "report",
            format!("{REPORT}, with its figures in {FIGURES}/"),
        );
    }
    line("model", "model.safetensors".to_owned());
    text.trim_end().to_owned()
}
