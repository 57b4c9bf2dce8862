//! The figures of a run at a glance.

use sae_analysis::Estimate;
use sae_report::{Cell, Section, Table};
use sae_stack::{ClassifierSummary, Details, Ended, Evaluation};

use super::evidence::Evidence;
use crate::RunSummary;

/// The section.
pub(super) fn section(evidence: &Evidence) -> Section {
    let mut section = Section::new("overview", "Overview");
    let facts = evidence.model.facts();
    section.text(format!(
        "{} training, {} validation and {} test samples of {} values. Layers: {}.",
        facts.train,
        facts.validation,
        facts.test,
        facts.inputs(),
        sizes(evidence)
    ));
    if let Some(summary) = &evidence.summary {
        section.table(layers(summary));
        if let Some(classifier) = &summary.results.classifier {
            section.table(accuracies(classifier));
            worth(&mut section, classifier);
        }
        section.text(format!("The run took {:.1} s.", summary.seconds));
    } else {
        section.text("The weights were imported: there are no figures of training.");
    }
    section
}

/// The sizes of all layers, as `900-100-100-4`.
pub(super) fn sizes(evidence: &Evidence) -> String {
    let layers = evidence.model.autoencoders();
    let mut sizes: Vec<usize> = layers.iter().take(1).map(|first| first.inputs()).collect();
    sizes.extend(layers.iter().map(|layer| layer.hidden()));
    sizes.extend(evidence.model.network().map(|network| network.classes()));
    let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
    sizes.join("-")
}

fn layers(summary: &RunSummary) -> Table {
    let rows = summary.results.layers.iter().map(|layer| {
        let mut row = vec![
            Cell::text(format!(
                "{} ({}-{})",
                layer.layer, layer.inputs, layer.hidden
            )),
            Cell::count(layer.epochs),
            Cell::text(layer.stopped.to_string()),
        ];
        if let (
            Details::Autoencoder { rmse: train, .. },
            Details::Autoencoder {
                rmse: test,
                mean_rho_hat,
                dead_units,
                saturated_units,
            },
        ) = (layer.train, layer.test)
        {
            row.extend([train, test, mean_rho_hat].map(Cell::short));
            row.extend([dead_units, saturated_units].map(Cell::count));
        }
        row
    });
    Table {
        caption: "Autoencoders. RMSE is the root of the mean squared error over samples and inputs, of \
                  the layer's own reconstruction of its own inputs; mean ρ̂, dead and saturated units \
                  are those on the test samples."
            .to_owned(),
        columns: [
            "autoencoder",
            "epochs",
            "ended",
            "RMSE, training",
            "RMSE, test",
            "mean ρ̂",
            "dead",
            "saturated",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
    }
}

/// The networks of a run, by name, with how their training ended.
pub(super) fn networks(
    summary: &ClassifierSummary,
) -> Vec<(&'static str, &Evaluation, Option<Ended>)> {
    let mut networks = vec![
        (
            "before fine-tuning",
            &summary.before_finetuning,
            summary.softmax,
        ),
        (
            "after fine-tuning",
            &summary.after_finetuning,
            summary.finetune,
        ),
    ];
    if let Some(control) = &summary.from_random {
        networks.push(("from random initialisation", control, summary.control));
    }
    networks
}

/// Accuracy with its interval.
pub(super) fn accuracy(evaluation: &Evaluation) -> Estimate {
    let hits = (0..evaluation.confusion.len()).map(|class| evaluation.confusion[class][class]);
    Estimate::share(hits.sum(), evaluation.samples)
}

fn accuracies(summary: &ClassifierSummary) -> Table {
    let rows = networks(summary)
        .into_iter()
        .map(|(name, evaluation, ended)| {
            let estimate = accuracy(evaluation);
            vec![
                Cell::text(name),
                Cell::percent(estimate.value, 2),
                Cell::percent(estimate.low, 2),
                Cell::percent(estimate.high, 2),
                Cell::short(evaluation.cross_entropy),
                Cell::text(ended.map_or(String::new(), |ended| ended.to_string())),
            ]
        });
    Table {
        caption: "Classifiers on the test samples. The interval is Wilson's, at 95% confidence; \
                  cross-entropy is in nats."
            .to_owned(),
        columns: [
            "network",
            "accuracy",
            "from",
            "to",
            "cross-entropy",
            "training ended",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
    }
}

/// What pretraining is worth here, as far as one run can say.
fn worth(section: &mut Section, summary: &ClassifierSummary) {
    let Some(control) = &summary.from_random else {
        return;
    };
    let (pretrained, random) = (accuracy(&summary.after_finetuning), accuracy(control));
    let points = 100.0 * (pretrained.value - random.value);
    let apart = match pretrained.low > random.high || random.low > pretrained.high {
        true => "their intervals do not overlap",
        false => "their intervals overlap, so that one run does not tell which is better",
    };
    let ended = [summary.finetune, summary.control];
    let converged = match ended.iter().flatten().all(Ended::converged) && ended[0].is_some() {
        true => "Both were trained until validation ended it.",
        false => {
            "Not both of them had converged when their epochs were run: the difference may be one of \
             speed only."
        }
    };
    section.text(format!(
        "With pretraining the network is right on {:.2}% of the test samples, from random initialisation \
         on {:.2}%, a difference of {points:+.2} points; {apart}. {converged} The command sae labels measures what \
         pretraining is worth at several shares of labels, over several seeds.",
        100.0 * pretrained.value,
        100.0 * random.value,
    ));
}
