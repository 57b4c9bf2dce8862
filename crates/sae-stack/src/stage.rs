//! The stages of the pipeline, and what they lead to.

use std::fmt;
use std::str::FromStr;

use sae_model::{DeepNetwork, SparseAutoencoder};
use sae_train::{Fitted, Stopped};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Evaluation, LayerReport};

/// A part of the pipeline. Written as its name; those that are trained later are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Stage {
    /// Pretraining of autoencoder k, from 1.
    Autoencoder(usize),
    /// Training of the head on the last codes.
    Softmax,
    /// Fine-tuning of the pretrained network.
    FineTune,
    /// Fine-tuning of the same network from random initialisation.
    Control,
}

/// What is no name of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "there is no stage {0:?}; expected autoencoder-1, autoencoder-2, ..., softmax, finetune or control"
)]
pub struct StageError(String);

impl FromStr for Stage {
    type Err = StageError;

    fn from_str(text: &str) -> Result<Self, StageError> {
        let error = || StageError(text.to_owned());
        Ok(match text {
            "softmax" => Self::Softmax,
            "finetune" => Self::FineTune,
            "control" => Self::Control,
            other => {
                let number = other.strip_prefix("autoencoder-").ok_or_else(error)?;
                Self::Autoencoder(number.parse().map_err(|_| error())?)
            }
        })
    }
}

impl TryFrom<String> for Stage {
    type Error = StageError;

    fn try_from(text: String) -> Result<Self, StageError> {
        text.parse()
    }
}

impl From<Stage> for String {
    fn from(stage: Stage) -> Self {
        stage.to_string()
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Autoencoder(k) => f.pad(&format!("autoencoder-{k}")),
            Self::Softmax => f.pad("softmax"),
            Self::FineTune => f.pad("finetune"),
            Self::Control => f.pad("control"),
        }
    }
}

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// One report per autoencoder.
    pub layers: Vec<LayerReport>,
    /// The classifier's, where one was trained.
    #[serde(flatten)]
    pub classifier: Option<ClassifierSummary>,
}

impl Summary {
    /// J on the validation samples of the model that the last stage has left, where that has chosen its epoch.
    pub fn validation_objective(&self) -> Option<f64> {
        match &self.classifier {
            Some(classifier) => classifier.finetune?.validation_objective,
            None => self.layers.last()?.validation_objective,
        }
    }
}

/// The figures of the supervised part of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassifierSummary {
    /// The pretrained encoders with the softmax head, before fine-tuning.
    pub before_finetuning: Evaluation,
    /// After fine-tuning.
    pub after_finetuning: Evaluation,
    /// The same network fine-tuned from random initialisation, where that was asked for.
    pub from_random: Option<Evaluation>,
    /// How training of the head ended; nothing in files of older versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub softmax: Option<Ended>,
    /// How fine-tuning ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finetune: Option<Ended>,
    /// How fine-tuning from random initialisation ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub control: Option<Ended>,
}

/// How the training of a stage ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Epochs that were run.
    pub epochs: usize,
    /// Why there were no more.
    pub stopped: Stopped,
    /// J on the validation samples of what was kept, where that has chosen an epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation_objective: Option<f64>,
}

impl Ended {
    pub(crate) fn of(fitted: &Fitted) -> Self {
        Self {
            epochs: fitted.epochs,
            stopped: fitted.stopped,
            validation_objective: fitted.validation_objective,
        }
    }

    /// Whether a rule ended training, and not the number of epochs.
    pub fn converged(&self) -> bool {
        self.stopped != Stopped::Epochs
    }
}

/// Says `52 epochs, validation J no longer fell`, or that training has not converged.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.converged() {
            true => write!(f, "{} epochs, {}", self.epochs, self.stopped),
            false => write!(f, "all {} epochs run, not converged", self.epochs),
        }
    }
}

/// A network with its figures on the test samples.
#[derive(Debug, Clone)]
pub struct TrainedNetwork {
    /// The network.
    pub network: DeepNetwork,
    /// Its figures.
    pub evaluation: Evaluation,
    /// How its training ended.
    pub ended: Ended,
}

/// What a run gives: its models and their figures.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The pretrained autoencoders, the first one nearest the input.
    pub autoencoders: Vec<SparseAutoencoder>,
    /// The fine-tuned network, where a classifier was trained.
    pub network: Option<DeepNetwork>,
    /// The figures.
    pub summary: Summary,
}
