//! The stages of the pipeline, and who is told about them.

use std::fmt;

use sae_data::Tensors;
use sae_model::{DeepNetwork, SparseAutoencoder};
use sae_train::{Fitted, Stopped, TrainError, Training};
use serde::{Deserialize, Serialize};

use crate::{EpochMetrics, Evaluation, LayerReport};

/// A part of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// What a finished stage produced.
#[derive(Debug, Clone, Copy)]
pub enum Finished<'a> {
    /// A pretrained autoencoder.
    Autoencoder(&'a SparseAutoencoder, &'a LayerReport),
    /// A network and its figures on the test samples.
    Network(&'a DeepNetwork, &'a Evaluation),
}

/// Makes named arrays, as of [`weights_of`](crate::weights_of), of the model that is being trained.
pub type WeightsNow<'a> = &'a dyn Fn() -> Result<Tensors, TrainError>;

/// Told about progress; may stop the run by an error. Every method does nothing unless it is
/// written.
pub trait Observer {
    /// A stage begins.
    fn started(&mut self, _stage: Stage, _training: &Training) {}

    /// An epoch has ended.
    ///
    /// # Errors
    ///
    /// Any error stops the run.
    fn epoch(&mut self, _stage: Stage, _metrics: &EpochMetrics) -> Result<(), TrainError> {
        Ok(())
    }

    /// After each epoch: the weights as they are now, for whoever wants to look at them. They are copied
    /// only when they are asked for.
    ///
    /// # Errors
    ///
    /// Any error stops the run.
    fn in_training(&mut self, _stage: Stage, _weights: WeightsNow<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    /// A stage has ended.
    ///
    /// # Errors
    ///
    /// Any error stops the run.
    fn finished(&mut self, _stage: Stage, _finished: Finished<'_>) -> Result<(), TrainError> {
        Ok(())
    }
}

/// Nobody is told.
impl Observer for () {}

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// One report per autoencoder.
    pub layers: Vec<LayerReport>,
    /// The classifier's, where one was trained.
    #[serde(flatten)]
    pub classifier: Option<ClassifierSummary>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Epochs that were run.
    pub epochs: usize,
    /// Why there were no more.
    pub stopped: Stopped,
}

impl Ended {
    pub(crate) fn of(fitted: &Fitted) -> Self {
        Self {
            epochs: fitted.epochs,
            stopped: fitted.stopped,
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
