//! What comes out of `sae labels`.

use std::fmt;

use sae_report::{AccuracyCurve, AccuracyPoint, accuracy_curves};
use sae_stack::Ended;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::spread::Spread;

/// How a classifier came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassifierKind {
    /// The stack pretrained on all samples without labels, then the head trained and the whole
    /// fine-tuned on those with labels.
    Pretrained,
    /// The same network, fine-tuned from random initialisation.
    Random,
    /// A softmax head alone, on the scaled inputs.
    Softmax,
}

impl ClassifierKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pretrained, Self::Random, Self::Softmax];
}

impl fmt::Display for ClassifierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pretrained => "pretrained",
            Self::Random => "from random initialisation",
            Self::Softmax => "softmax on inputs",
        })
    }
}

/// One trained classifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelsFit {
    /// Share of the samples that had labels.
    pub share: f64,
    /// How it came to be.
    pub classifier: ClassifierKind,
    /// The run's seed.
    pub seed: u64,
    /// Number of labelled samples that it was trained on.
    pub labels: usize,
    /// Number of labelled samples that ended training.
    pub validation_labels: usize,
    /// Accuracy on all test samples.
    pub accuracy: f64,
    /// Cross-entropy on all test samples, in nats.
    pub cross_entropy: f64,
    /// How the training of its head ended, where it had one of its own.
    pub head: Option<Ended>,
    /// How the training of all of it ended; an epoch is a pass over the labelled samples.
    pub ended: Ended,
    /// Seconds, without pretraining.
    pub seconds: f64,
}

impl LabelsFit {
    /// Whether validation, or another rule, ended all of its training, and not the number of epochs.
    pub fn converged(&self) -> bool {
        self.ended.converged() && self.head.is_none_or(|head| head.converged())
    }
}

/// One kind of classifier at one share of labels, over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelsFigure {
    /// Share of the samples that had labels.
    pub share: f64,
    /// How they came to be.
    pub classifier: ClassifierKind,
    /// Their accuracy on all test samples.
    pub accuracy: Spread,
    /// Number of them whose epochs ran out before a rule ended their training.
    pub not_converged: usize,
}

/// `labels.json`: what pretraining is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelsReport {
    /// Version of the program.
    pub version: String,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Number of samples of the last run that pretraining saw, without their labels.
    pub pretrained_on: usize,
    /// Number of its test samples.
    pub test: usize,
    /// Seconds of the whole.
    pub seconds: f64,
    /// Mean and spread, by share and kind.
    pub figures: Vec<LabelsFigure>,
    /// Every classifier.
    pub fits: Vec<LabelsFit>,
}

impl LabelsReport {
    /// The fits of one kind at one share.
    pub fn fits_of(&self, share: f64, kind: ClassifierKind) -> impl Iterator<Item = &LabelsFit> {
        let own = move |fit: &&LabelsFit| fit.share == share && fit.classifier == kind;
        self.fits.iter().filter(own)
    }

    /// `labels.csv`: a line of names, and a line per fit.
    pub fn to_csv(&self) -> String {
        let mut text = "share,classifier,seed,labels,validation_labels,accuracy,cross_entropy,\
                        epochs,converged\n"
            .to_owned();
        for fit in &self.fits {
            text.push_str(&format!(
                "{},{},{},{},{},{},{},{},{}\n",
                fit.share,
                fit.classifier,
                fit.seed,
                fit.labels,
                fit.validation_labels,
                fit.accuracy,
                fit.cross_entropy,
                fit.ended.epochs,
                fit.converged()
            ));
        }
        text
    }

    /// `labels.svg`: accuracy over the share of labels, a line per kind.
    ///
    /// # Errors
    ///
    /// None for a report that is whole.
    pub fn to_svg(&self) -> Result<String, Error> {
        let curve = |kind: ClassifierKind| AccuracyCurve {
            title: kind.to_string(),
            points: self.points(kind),
        };
        Ok(accuracy_curves(&ClassifierKind::ALL.map(curve))?)
    }

    fn points(&self, kind: ClassifierKind) -> Vec<AccuracyPoint> {
        let own = self.figures.iter().filter(|f| f.classifier == kind);
        let point = |figure: &LabelsFigure| AccuracyPoint {
            share: figure.share,
            mean: figure.accuracy.mean,
            deviation: figure.accuracy.deviation,
        };
        own.map(point).collect()
    }
}

/// Mean and spread of fits, by share and kind, in the order in which they first come.
pub(super) fn figures(fits: &[LabelsFit]) -> Vec<LabelsFigure> {
    let mut groups: Vec<Vec<&LabelsFit>> = Vec::new();
    for fit in fits {
        let same = |group: &&mut Vec<&LabelsFit>| {
            (group[0].share, group[0].classifier) == (fit.share, fit.classifier)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(fit),
            None => groups.push(vec![fit]),
        }
    }
    let figure = |group: Vec<&LabelsFit>| LabelsFigure {
        share: group[0].share,
        classifier: group[0].classifier,
        accuracy: Spread::of(&group.iter().map(|fit| fit.accuracy).collect::<Vec<_>>()),
        not_converged: group.iter().filter(|fit| !fit.converged()).count(),
    };
    groups.into_iter().map(figure).collect()
}
