//! `sae eval`

use std::process::ExitCode;

use burn::tensor::DType;
use sae::Stage;
use sae::stack::{Evaluation, evaluate};

use crate::args::EvalArgs;
use crate::error::CliError;
use crate::output;
use crate::progress::short;

/// The networks that a run may hold, with what they are.
const NETWORKS: [(Stage, &str); 3] = [
    (Stage::Softmax, "before fine-tuning"),
    (Stage::FineTune, "after fine-tuning"),
    (Stage::Control, "fine-tuned from random initialisation"),
];

/// Evaluates every network of a run.
pub fn run(args: &EvalArgs) -> Result<ExitCode, CliError> {
    let run = args.verify.run(&args.run)?;
    let (experiment, facts) = (run.experiment(), run.facts());
    let device = args.backend.device()?;
    let mut networks = Vec::new();
    for (stage, title) in NETWORKS {
        let network = run.network(stage, DType::F32, &device)?;
        networks.extend(network.map(|network| (title, network)));
    }
    if networks.is_empty() {
        let expected = match experiment.classifier {
            true => "yet; expected a run that has finished its softmax stage",
            false => "(classifier = false); expected a run with classifier = true",
        };
        let run = args.run.display();
        return Err(CliError::input(format!(
            "{run} holds no trained network {expected}"
        )));
    }
    let (mut data, what) = match &args.data {
        Some(path) => {
            let data = run.read(path)?;
            if data.labels.is_none() {
                return Err(CliError::input(format!(
                    "{} has no labels; expected labelled rows",
                    path.display()
                )));
            }
            (data, path.display().to_string())
        }
        None => {
            let data = experiment.data.load_test(experiment.seed, true)?;
            (data, "the test data of the run".to_owned())
        }
    };
    if let Some(scaling) = run.scaling()? {
        data = data.scaled(&scaling);
    }
    output::result(format!("{}: {what}", args.run.display()))?;
    for (title, network) in networks {
        let evaluation = evaluate(&network, &data, &device).map_err(sae::Error::from)?;
        output::result(table(title, &evaluation, &facts.classes))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Accuracy, cross-entropy and the confusion matrix, one row per actual class.
pub fn table(title: &str, evaluation: &Evaluation, classes: &[String]) -> String {
    let mut text = format!(
        "{title}: accuracy {:.2}%, cross-entropy {} nats, {} samples\n",
        100.0 * evaluation.accuracy,
        short(evaluation.cross_entropy),
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
