//! Cross-validation: the same experiment once for every part of the samples that it is tested on.

use sae_stack::Details;
use serde::{Deserialize, Serialize};

use crate::spread::Spread;
use crate::{Experiment, RunSummary};

/// A figure over all folds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldFigure {
    /// What it is, for example `test RMSE of autoencoder 1`.
    pub name: String,
    /// Its values, fold by fold.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, divided by the number of folds less 1.
    pub deviation: f64,
}

impl Experiment {
    /// The experiments of a cross-validation, one per fold: each is tested on another part of the
    /// training samples and trained on the rest. Each says which fold it is, in `data.folds` and
    /// `data.fold`, and so can be run again by itself.
    pub fn folds(&self, folds: usize) -> impl Iterator<Item = Self> {
        (1..=folds).map(move |fold| {
            let mut experiment = self.clone();
            (experiment.data.folds, experiment.data.fold) = (folds, fold);
            experiment
        })
    }
}

/// The figures of the test samples of all folds.
pub fn fold_figures(summaries: &[RunSummary]) -> Vec<FoldFigure> {
    let mut figures: Vec<FoldFigure> = Vec::new();
    for summary in summaries {
        for (name, value) in test_figures(summary) {
            match figures.iter_mut().find(|figure| figure.name == name) {
                Some(figure) => figure.values.push(value),
                None => figures.push(FoldFigure {
                    name,
                    values: vec![value],
                    mean: 0.0,
                    deviation: 0.0,
                }),
            }
        }
    }
    for figure in &mut figures {
        let spread = Spread::of(&figure.values);
        (figure.mean, figure.deviation) = (spread.mean, spread.deviation);
    }
    figures
}

fn test_figures(summary: &RunSummary) -> Vec<(String, f64)> {
    let mut figures = Vec::new();
    for layer in &summary.results.layers {
        if let Details::Autoencoder { rmse, .. } = layer.test {
            figures.push((format!("test RMSE of autoencoder {}", layer.layer), rmse));
        }
    }
    if let Some(classifier) = &summary.results.classifier {
        let mut add = |name: &str, accuracy: f64| {
            figures.push((format!("test accuracy {name}"), accuracy));
        };
        add("before fine-tuning", classifier.before_finetuning.accuracy);
        add("after fine-tuning", classifier.after_finetuning.accuracy);
        if let Some(random) = &classifier.from_random {
            add("from random initialisation", random.accuracy);
        }
    }
    figures
}
