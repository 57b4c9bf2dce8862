//! The keys of a configuration file. Each is described in `docs/config.md`.

use std::fmt;

use clap::ValueEnum;
use sae_data::shapes::ShapesConfig;
use sae_model::GradientRule;
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
    /// Whether to train the network from random initialisation, too.
    pub control: bool,
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
            control: false,
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
}

impl Default for LayerConfig {
    fn default() -> Self {
        Self {
            hidden: 100,
            rho: 0.05,
            beta: 3.0,
            weight_decay: 1e-4,
        }
    }
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
    /// Momentum μ of `sgd`.
    pub momentum: f64,
    /// Decay of the mean of the gradients, of `adam`.
    pub beta1: f64,
    /// Decay of the mean of their squares, of `adam`.
    pub beta2: f64,
    /// ε of `adam`.
    pub epsilon: f64,
    /// Samples per step.
    pub batch: Batch,
    /// The most passes over the data.
    pub epochs: usize,
    /// Relative change of J that counts as standing still; 0 for no such rule.
    pub tolerance: f64,
    /// For how many epochs in a row J must stand still.
    pub patience: usize,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            optimizer: OptimiserKind::Adam,
            learning_rate: 1e-3,
            momentum: 0.9,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            batch: Batch::Rows(256),
            epochs: 30,
            tolerance: 0.0,
            patience: 3,
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
