//! The keys of a configuration file. Each is described in `docs/config.md`.

use std::fmt;

use clap::ValueEnum;
use sae_data::patches::PatchesConfig;
use sae_data::shapes::ShapesConfig;
use sae_data::{Per, ScalingConfig, ScalingKind};
use sae_model::{Convention, GradientRule, Unit};
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::backend::Backend;

/// A whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Seed of every random number.
    pub seed: u64,
    /// Where tensors are computed.
    pub backend: Backend,
    /// How gradients are computed.
    pub gradient: Rule,
    /// Whether the delta rules run in the fused kernels where these cover them.
    pub fused: bool,
    /// Number of threads of the CPU backends; 0 for as many as there are processors.
    pub threads: usize,
    /// Whether a softmax head is trained on the codes and the network fine-tuned.
    pub classifier: bool,
    /// Whether to train the network from random initialisation, too.
    pub control: bool,
    /// The objective.
    pub objective: ObjectiveConfig,
    /// The data.
    pub data: DataConfig,
    /// The autoencoders, the first nearest the input.
    pub layers: Vec<LayerConfig>,
    /// The softmax head.
    pub head: HeadConfig,
    /// Training of each autoencoder.
    pub pretrain: TrainingConfig,
    /// Training of the head.
    pub softmax: TrainingConfig,
    /// Fine-tuning.
    pub finetune: TrainingConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            backend: Backend::default(),
            gradient: Rule::Delta,
            fused: true,
            threads: 0,
            classifier: true,
            control: false,
            objective: ObjectiveConfig::default(),
            data: DataConfig::default(),
            layers: vec![LayerConfig::default()],
            head: HeadConfig::default(),
            pretrain: TrainingConfig::default(),
            softmax: TrainingConfig::default(),
            finetune: TrainingConfig::default(),
        }
    }
}

/// `gradient`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Burn's automatic differentiation
    Autodiff,
    /// The hand-derived delta rules
    Delta,
}

impl From<Rule> for GradientRule {
    fn from(rule: Rule) -> Self {
        match rule {
            Rule::Autodiff => Self::Autodiff,
            Rule::Delta => Self::Delta,
        }
    }
}

/// `[objective]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectiveConfig {
    /// What the weights of the terms are meant for.
    pub scale: Scale,
}

/// `objective.scale`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// A mean over samples.
    #[default]
    Mean,
    /// The note's sum over samples.
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

/// `[data]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Which of the tables below is used.
    pub source: SourceKind,
    /// Share of the training samples that is set aside; 0 for none.
    pub validation: f64,
    /// `[data.shapes]`.
    pub shapes: ShapesConfig,
    /// `[data.idx]`.
    pub idx: IdxConfig,
    /// `[data.patches]`.
    pub patches: PatchesConfig,
    /// `[data.scaling]`.
    pub scaling: ScalingTable,
}

/// `data.source`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    /// The shapes generator.
    #[default]
    Shapes,
    /// IDX files.
    Idx,
    /// Patches of pictures.
    Patches,
}

/// `[data.scaling]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScalingTable {
    /// Whether the mean of each sample is taken from it first.
    pub remove_dc: bool,
    /// The map that is fitted.
    pub kind: ScalingName,
    /// Over what `min_max` and `standardise` take their statistics.
    pub per: PerName,
    /// Where `min_max` puts the smallest value.
    pub low: f64,
    /// Where `min_max` puts the largest value.
    pub high: f64,
    /// ε that `zca` and `pca` add to every variance.
    pub epsilon: f64,
    /// How many components `pca` keeps; 0 for all.
    pub components: usize,
    /// Whether values are truncated to ±3 standard deviations and mapped to [0.1, 0.9].
    pub truncate: bool,
}

impl Default for ScalingTable {
    fn default() -> Self {
        Self {
            remove_dc: false,
            kind: ScalingName::None,
            per: PerName::Input,
            low: 0.0,
            high: 1.0,
            epsilon: 0.01,
            components: 0,
            truncate: false,
        }
    }
}

impl From<&ScalingTable> for ScalingConfig {
    fn from(table: &ScalingTable) -> Self {
        let per = match table.per {
            PerName::Input => Per::Input,
            PerName::All => Per::All,
        };
        let epsilon = table.epsilon;
        Self {
            remove_dc: table.remove_dc,
            kind: match table.kind {
                ScalingName::None => ScalingKind::None,
                ScalingName::MinMax => ScalingKind::MinMax {
                    low: table.low,
                    high: table.high,
                    per,
                },
                ScalingName::Standardise => ScalingKind::Standardise { per },
                ScalingName::Zca => ScalingKind::Zca { epsilon },
                ScalingName::Pca => ScalingKind::Pca {
                    epsilon,
                    components: (table.components > 0).then_some(table.components),
                },
            },
            truncate: table.truncate,
        }
    }
}

/// `data.scaling.kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScalingName {
    /// Nothing.
    None,
    /// From `low` to `high`.
    MinMax,
    /// Mean 0, standard deviation 1.
    Standardise,
    /// ZCA whitening.
    Zca,
    /// PCA whitening.
    Pca,
}

/// `data.scaling.per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PerName {
    /// Each input for itself.
    Input,
    /// All inputs together.
    All,
}

/// `[data.idx]`. Each file may also lie there with `.gz` at the end of its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdxConfig {
    /// The folder; `${NAME}` stands for an environment variable.
    pub dir: String,
    /// Images to train on.
    pub train_images: String,
    /// Their labels.
    pub train_labels: String,
    /// Images to evaluate on.
    pub test_images: String,
    /// Their labels.
    pub test_labels: String,
}

impl Default for IdxConfig {
    fn default() -> Self {
        Self {
            dir: ".".to_owned(),
            train_images: "train-images-idx3-ubyte".to_owned(),
            train_labels: "train-labels-idx1-ubyte".to_owned(),
            test_images: "t10k-images-idx3-ubyte".to_owned(),
            test_labels: "t10k-labels-idx1-ubyte".to_owned(),
        }
    }
}

/// `[[layers]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LayerConfig {
    /// Number of hidden units.
    pub hidden: usize,
    /// Sparsity target ρ.
    pub rho: f64,
    /// Sparsity weight β.
    pub beta: f64,
    /// Weight decay α.
    pub weight_decay: f64,
    /// L1 weight γ.
    pub l1: f64,
    /// Units of the encoder.
    pub encoder: UnitName,
    /// Units of the decoder.
    pub decoder: UnitName,
    /// Whether W2 = W1ᵀ.
    pub tied: bool,
    /// How many hidden activations are kept per sample; 0 for all.
    pub top_k: usize,
    /// What is done to the inputs.
    pub corruption: CorruptionKind,
    /// How much of it.
    pub corruption_amount: f64,
    /// Training of this layer, instead of `[pretrain]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pretrain: Option<TrainingConfig>,
}

impl Default for LayerConfig {
    fn default() -> Self {
        Self {
            hidden: 100,
            rho: 0.05,
            beta: 3.0,
            weight_decay: 1e-4,
            l1: 0.0,
            encoder: UnitName::Sigmoid,
            decoder: UnitName::Sigmoid,
            tied: false,
            top_k: 0,
            corruption: CorruptionKind::None,
            corruption_amount: 0.3,
            pretrain: None,
        }
    }
}

/// `encoder` and `decoder`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitName {
    /// Logistic sigmoid
    Sigmoid,
    /// Hyperbolic tangent
    Tanh,
    /// The identity
    Linear,
    /// Clipped to 0 and 1
    Satlin,
    /// Clipped at 0
    Relu,
}

impl From<UnitName> for Unit {
    fn from(name: UnitName) -> Self {
        match name {
            UnitName::Sigmoid => Self::Sigmoid,
            UnitName::Tanh => Self::Tanh,
            UnitName::Linear => Self::Linear,
            UnitName::Satlin => Self::Satlin,
            UnitName::Relu => Self::Relu,
        }
    }
}

/// `corruption`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorruptionKind {
    /// The inputs stay as they are.
    None,
    /// A share of the values becomes 0.
    Masking,
    /// Normal noise is added.
    Gaussian,
    /// A share of the values becomes 0 or 1.
    SaltAndPepper,
}

/// `[head]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeadConfig {
    /// Weight decay λ of the head, while it is trained alone and in fine-tuning.
    pub weight_decay: f64,
}

impl Default for HeadConfig {
    fn default() -> Self {
        Self { weight_decay: 1e-4 }
    }
}

/// `[pretrain]`, `[softmax]` and `[finetune]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// The optimiser.
    pub optimizer: OptimiserKind,
    /// Learning rate η.
    pub learning_rate: f64,
    /// How η changes from epoch to epoch.
    pub schedule: ScheduleKind,
    /// η that `linear` and `cosine` end at.
    pub schedule_last: f64,
    /// What `exponential` and `step` multiply η by.
    pub schedule_factor: f64,
    /// Every how many epochs `step` does so.
    pub schedule_every: usize,
    /// Momentum μ of `sgd` and `rmsprop`.
    pub momentum: f64,
    /// Nesterov's form of the momentum of `sgd`.
    pub nesterov: bool,
    /// Decay of the mean of the gradients, of `adam` and `adamw`.
    pub beta1: f64,
    /// Decay of the mean of their squares, of `adam` and `adamw`.
    pub beta2: f64,
    /// Decay of the mean of the squared gradients, of `rmsprop`.
    pub alpha: f64,
    /// ε of `adam`, `adamw` and `rmsprop`.
    pub epsilon: f64,
    /// Decoupled weight decay of `adamw`.
    pub decoupled_weight_decay: f64,
    /// Number of past steps that `lbfgs` remembers.
    pub history: usize,
    /// Samples per step.
    pub batch: Batch,
    /// Which ρ̂ a minibatch uses.
    pub rho_hat: RhoHatKind,
    /// Decay μ of the `running` ρ̂.
    pub rho_hat_decay: f64,
    /// The most passes over the data, or iterations of `lbfgs` and `cg`.
    pub epochs: usize,
    /// Relative change of J that counts as standing still; 0 for no such rule.
    pub tolerance: f64,
    /// For how many epochs in a row J must stand still.
    pub patience: usize,
    /// Norm of the gradient that is small enough; 0 for no such rule.
    pub gradient_tolerance: f64,
    /// For how many epochs validation J may fail to fall; 0 for no such rule.
    pub validation_patience: usize,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            optimizer: OptimiserKind::Adam,
            learning_rate: 1e-3,
            schedule: ScheduleKind::Constant,
            schedule_last: 1e-5,
            schedule_factor: 0.5,
            schedule_every: 10,
            momentum: 0.9,
            nesterov: false,
            beta1: 0.9,
            beta2: 0.999,
            alpha: 0.99,
            epsilon: 1e-8,
            decoupled_weight_decay: 1e-2,
            history: 100,
            batch: Batch::Rows(256),
            rho_hat: RhoHatKind::Batch,
            rho_hat_decay: 0.9,
            epochs: 30,
            tolerance: 0.0,
            patience: 3,
            gradient_tolerance: 0.0,
            validation_patience: 0,
        }
    }
}

/// `optimizer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimiserKind {
    /// Gradient descent with momentum.
    Sgd,
    /// Adam.
    Adam,
    /// Adam with decoupled weight decay.
    AdamW,
    /// RMSprop.
    RmsProp,
    /// L-BFGS.
    Lbfgs,
    /// Conjugate gradients.
    Cg,
}

/// `schedule`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// η stays.
    Constant,
    /// In a straight line to `schedule_last`.
    Linear,
    /// Along half a cosine to `schedule_last`.
    Cosine,
    /// Times `schedule_factor` every epoch.
    Exponential,
    /// Times `schedule_factor` every `schedule_every` epochs.
    Step,
}

/// `rho_hat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RhoHatKind {
    /// The minibatch's own.
    Batch,
    /// An exponential mean of the minibatches'.
    Running,
    /// That of all samples, refreshed every epoch.
    Full,
}

/// `batch`: a number of samples, or `"full"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// All samples.
    Full,
    /// This many.
    Rows(usize),
}

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Full => serializer.serialize_str("full"),
            Self::Rows(rows) => serializer.serialize_u64(*rows as u64),
        }
    }
}

impl<'de> Deserialize<'de> for Batch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BatchVisitor;

        impl Visitor<'_> for BatchVisitor {
            type Value = Batch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of samples or \"full\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Batch, E> {
                match text {
                    "full" => Ok(Batch::Full),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }

            fn visit_i64<E: Error>(self, rows: i64) -> Result<Batch, E> {
                usize::try_from(rows)
                    .map(Batch::Rows)
                    .map_err(|_| E::invalid_value(Unexpected::Signed(rows), &self))
            }

            fn visit_u64<E: Error>(self, rows: u64) -> Result<Batch, E> {
                usize::try_from(rows)
                    .map(Batch::Rows)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(rows), &self))
            }
        }

        deserializer.deserialize_any(BatchVisitor)
    }
}
