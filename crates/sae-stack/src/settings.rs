//! What a stack is made of: the tables `[[layers]]`, `[head]` and `[objective]` of a configuration,
//! and what they become once they are checked.

use sae_data::{Corruption, CorruptionKind};
use sae_kernels::Setting;
use sae_kernels::setting::{at_least_one, not_negative};
use sae_model::{
    Architecture, Convention, CrossEntropy, FineTuning, ModelError, Reconstruction,
    SparseObjective, Unit,
};
use sae_train::Training;
use serde::{Deserialize, Serialize};

/// One sparse autoencoder of the stack: a table `[[layers]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    /// Number of hidden units, at least 1.
    pub hidden: usize,
    /// Sparsity target ρ, in (0, 1).
    pub rho: f64,
    /// Sparsity weight β, ≥ 0.
    pub beta: f64,
    /// Weight decay α of W1 and W2, ≥ 0.
    pub weight_decay: f64,
    /// L1 weight γ on the activities of the hidden units, ≥ 0.
    pub l1: f64,
    /// What the reconstruction term measures.
    pub reconstruction: Reconstruction,
    /// Units of the encoder.
    pub encoder: Unit,
    /// Units of the decoder.
    pub decoder: Unit,
    /// Whether W2 is W1ᵀ.
    pub tied: bool,
    /// How many activations are kept per sample; 0 for all.
    pub top_k: usize,
    /// What is done to the inputs while training.
    pub corruption: CorruptionKind,
    /// How much.
    pub corruption_amount: f64,
    /// Training of this layer, where it is not that of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pretrain: Option<Training>,
}

impl Default for Layer {
    fn default() -> Self {
        Self {
            hidden: 100,
            rho: 0.05,
            beta: 3.0,
            weight_decay: 1e-4,
            l1: 0.0,
            reconstruction: Reconstruction::default(),
            encoder: Unit::Sigmoid,
            decoder: Unit::Sigmoid,
            tied: false,
            top_k: 0,
            corruption: CorruptionKind::None,
            corruption_amount: 0.3,
            pretrain: None,
        }
    }
}

impl Layer {
    /// The kind of autoencoder.
    pub fn architecture(&self) -> Architecture {
        Architecture {
            encoder: self.encoder,
            decoder: self.decoder,
            tied: self.tied,
            top_k: (self.top_k > 0).then_some(self.top_k),
        }
    }

    /// What is minimised, in the convention of the configuration.
    ///
    /// # Errors
    ///
    /// Refuses weights outside their ranges.
    pub fn objective(&self) -> Result<SparseObjective, ModelError> {
        SparseObjective::new(self.weight_decay, self.beta, self.rho)?
            .with_reconstruction(self.reconstruction)
            .with_l1(self.l1)
    }

    /// Checks every key, but for `pretrain`, and that they go together.
    ///
    /// # Errors
    ///
    /// Names the first key that is outside its range.
    pub fn check(&self) -> Result<(), ModelError> {
        let architecture = self.architecture();
        at_least_one("hidden", self.hidden)?;
        architecture.check(self.hidden)?;
        self.objective()?.check(&architecture)?;
        self.denoising().check()?;
        Ok(())
    }

    fn denoising(&self) -> Corruption {
        Corruption {
            kind: self.corruption,
            amount: self.corruption_amount,
        }
    }
}

/// A corruption, where it does anything.
fn some(corruption: Corruption) -> Option<Corruption> {
    (!corruption.is_none()).then_some(corruption)
}

/// The softmax head: the table `[head]`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Head {
    /// Weight decay λ of the head, alone and in fine-tuning, ≥ 0.
    pub weight_decay: f64,
    /// What is done to the inputs of the whole network while it is fine-tuned.
    pub corruption: CorruptionKind,
    /// How much.
    pub corruption_amount: f64,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            weight_decay: 1e-4,
            corruption: CorruptionKind::None,
            corruption_amount: 0.3,
        }
    }
}

impl Head {
    /// Checks every key.
    ///
    /// # Errors
    ///
    /// Names the first key that is outside its range.
    pub fn check(&self) -> Result<(), Setting> {
        not_negative("weight_decay", self.weight_decay)?;
        self.noise().check()
    }

    fn noise(&self) -> Corruption {
        Corruption {
            kind: self.corruption,
            amount: self.corruption_amount,
        }
    }
}

/// What the weights of all terms are meant for: `objective.scale`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// A mean over samples.
    #[default]
    Mean,
    /// The note's sum over the training samples.
    Sum,
}

impl From<Scale> for Convention {
    fn from(scale: Scale) -> Self {
        match scale {
            Scale::Mean => Self::Mean,
            Scale::Sum => Self::Note,
        }
    }
}

/// One autoencoder of a stack, checked; its objective in the mean convention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerSettings {
    /// Number of hidden units.
    pub hidden: usize,
    /// Units, tied weights, top-k codes.
    pub architecture: Architecture,
    /// What is done to the inputs, where the autoencoder is to denoise.
    pub corruption: Option<Corruption>,
    /// What is minimised.
    pub objective: SparseObjective,
    /// How.
    pub training: Training,
}

impl LayerSettings {
    /// A layer, checked, for `rows` training samples; `pretrain` is the training of all layers.
    ///
    /// # Errors
    ///
    /// As [`Layer::check`] and [`Training::check`].
    pub fn new(
        layer: &Layer,
        pretrain: &Training,
        scale: Scale,
        rows: usize,
    ) -> Result<Self, ModelError> {
        layer.check()?;
        let training = layer.pretrain.unwrap_or(*pretrain);
        training.check()?;
        Ok(Self {
            hidden: layer.hidden,
            architecture: layer.architecture(),
            corruption: some(layer.denoising()),
            // Conventions that depend on the number of inputs are no setting of a whole stack.
            objective: layer.objective()?.from_convention(scale.into(), rows, 1)?,
            training,
        })
    }
}

/// The whole pipeline, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct StackSettings {
    /// Seed of every random number of the run.
    pub seed: u64,
    /// The autoencoders, the first one nearest the input.
    pub layers: Vec<LayerSettings>,
    /// What follows where the samples have labels; without it the run ends with pretraining.
    pub classifier: Option<ClassifierSettings>,
}

/// The supervised part of the pipeline, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifierSettings {
    /// What the head minimises on the last code.
    pub head: CrossEntropy,
    /// What fine-tuning minimises.
    pub network: FineTuning,
    /// What is done to the inputs in fine-tuning, where anything is.
    pub corruption: Option<Corruption>,
    /// Training of the head.
    pub softmax: Training,
    /// Training of the whole network.
    pub finetune: Training,
    /// Whether the same network is also fine-tuned from random initialisation, which shows what
    /// pretraining was worth.
    pub control: bool,
}

impl ClassifierSettings {
    /// The supervised part for `rows` training samples.
    ///
    /// # Errors
    ///
    /// As [`Head::check`].
    pub fn new(
        head: Head,
        scale: Scale,
        rows: usize,
        (softmax, finetune): (Training, Training),
        control: bool,
    ) -> Result<Self, ModelError> {
        // Checked first in the convention of the configuration, so that the error has its value.
        head.check()?;
        let weight_decay = head.weight_decay / Convention::from(scale).factor(rows, 1);
        Ok(Self {
            head: CrossEntropy::new(weight_decay)?,
            network: FineTuning::new(weight_decay)?,
            corruption: some(head.noise()),
            softmax,
            finetune,
            control,
        })
    }
}

/// Checks the training of a classifier.
///
/// # Errors
///
/// Refuses an estimate of ρ̂, besides what [`Training::check`] refuses.
pub fn check_classifier_training(training: &Training) -> Result<(), Setting> {
    training.check()?;
    match training.rho_hat {
        sae_train::RhoHat::Batch => Ok(()),
        _ => Err(Setting::new(
            "rho_hat",
            "set",
            "\"batch\": a classifier has no sparsity term",
        )),
    }
}
