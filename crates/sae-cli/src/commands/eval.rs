//! `sae eval`

use std::process::ExitCode;

use sae_data::Dataset;
use sae_stack::{Evaluation, evaluate};

use crate::args::EvalArgs;
use crate::error::CliError;
use crate::run_folder::{DataFacts, RunFolder};
use crate::{data, output};

/// The networks that a run may hold, with what they are.
const NETWORKS: [(&str, &str); 3] = [
    ("softmax", "before fine-tuning"),
    ("finetune", "after fine-tuning"),
    ("control", "fine-tuned from random initialisation"),
];

/// Evaluates every network of a run.
pub fn run(args: &EvalArgs) -> Result<ExitCode, CliError> {
    let folder = RunFolder::open(&args.run)?;
    let facts = folder.facts()?;
    let config = folder.config()?;
    let device = args.backend.device()?;
    let networks = NETWORKS
        .iter()
        .map(|(stage, title)| Ok(folder.network(stage, &config, &device)?.map(|n| (title, n))))
        .collect::<Result<Vec<_>, CliError>>()?;
    let networks: Vec<_> = networks.into_iter().flatten().collect();
    if networks.is_empty() {
        let expected = match config.classifier {
            true => "yet; expected a run that has finished its softmax stage",
            false => "(classifier = false); expected a run with classifier = true",
        };
        return Err(CliError::Input(format!(
            "{} holds no trained network {expected}",
            args.run.display()
        )));
    }
    let mut data = match &args.data {
        Some(folder) => data::load_folder(folder)?,
        None => data::load_test(&config)?,
    };
    check_alike(&facts, &data)?;
    if let Some(scaling) = folder.scaling(&config)? {
        data.samples = scaling.apply(&data.samples);
    }
    for (title, network) in networks {
        let evaluation = evaluate(&network, &data, &device)?;
        output::result(table(title, &evaluation, &facts.classes));
    }
    Ok(ExitCode::SUCCESS)
}

fn check_alike(facts: &DataFacts, data: &Dataset) -> Result<(), CliError> {
    if (data.image.height, data.image.width) != (facts.height, facts.width) {
        return Err(CliError::Input(format!(
            "the data are images of {} x {} pixels; expected {} x {}, as the run was trained on",
            data.image.height, data.image.width, facts.height, facts.width
        )));
    }
    let classes = facts.classes.len();
    let mut labels = data.labels.iter().flat_map(|labels| &labels.values);
    if let Some(label) = labels.find(|&&l| usize::from(l) >= classes) {
        return Err(CliError::Input(format!(
            "the data have the label {label}; expected 0 to {}, as the run was trained on",
            classes - 1
        )));
    }
    Ok(())
}

/// Accuracy, cross-entropy and the confusion matrix, one row per actual class.
pub fn table(title: &str, evaluation: &Evaluation, classes: &[String]) -> String {
    let mut text = format!(
        "{title}: accuracy {:.2}%, cross-entropy {:.4} nats, {} samples\n",
        100.0 * evaluation.accuracy,
        evaluation.cross_entropy,
        evaluation.samples
    );
    let width = classes.iter().map(String::len).max().unwrap_or(0).max(6);
    let header: String = classes.iter().map(|c| format!(" {c:>width$}")).collect();
    text.push_str(&format!("  {:>width$} |{header}  (predicted)\n", "actual"));
    for (class, counts) in classes.iter().zip(&evaluation.confusion) {
        let cells: String = counts.iter().map(|n| format!(" {n:>width$}")).collect();
        text.push_str(&format!("  {class:>width$} |{cells}\n"));
    }
    text
}
