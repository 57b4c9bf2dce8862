//! How a model is trained: the table `[pretrain]`, `[softmax]` or `[finetune]` of a configuration.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Optimizer, Schedule};

/// Settings of a [`Session`](crate::Session). Keys that the chosen optimizer, schedule or rule does
/// not use have no effect.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// How gradients move the parameters.
    pub optimizer: Optimizer,
    /// Learning rate η of the first epoch, > 0; of a line search the first step that it tries, as a
    /// rule 1.
    pub learning_rate: f64,
    /// How η changes from epoch to epoch.
    pub schedule: Schedule,
    /// η of the last epoch, of linear and cosine schedules.
    pub schedule_last: f64,
    /// What η is multiplied by, of exponential and step schedules; in (0, 1).
    pub schedule_factor: f64,
    /// Every how many epochs, of a step schedule.
    pub schedule_every: usize,
    /// Momentum μ of SGD and RMSprop, in [0, 1).
    pub momentum: f64,
    /// Whether SGD's momentum has Nesterov's form.
    pub nesterov: bool,
    /// Decay of the mean of the gradients, of Adam and AdamW, in [0, 1).
    pub beta1: f64,
    /// Decay of the mean of their squares, of Adam and AdamW, in [0, 1).
    pub beta2: f64,
    /// Decay of the mean of the squared gradients, of RMSprop, in [0, 1).
    pub alpha: f64,
    /// ε of Adam, AdamW and RMSprop, > 0.
    pub epsilon: f64,
    /// Decay of weights, not of biases, by AdamW itself, ≥ 0.
    pub decoupled_weight_decay: f64,
    /// Number of past steps that L-BFGS remembers, at least 1.
    pub history: usize,
    /// Samples per step.
    pub batch: BatchSize,
    /// Which ρ̂ a minibatch uses.
    pub rho_hat: RhoHat,
    /// μ of the running ρ̂, in [0, 1).
    pub rho_hat_decay: f64,
    /// The most passes over the data; of L-BFGS and conjugate gradients the most iterations.
    pub epochs: usize,
    /// Largest relative change of J that counts as standing still; 0 for no such rule.
    pub tolerance: f64,
    /// For how many epochs in a row J must stand still.
    pub patience: usize,
    /// ‖∇J‖ over all samples that is small enough; 0 for no such rule. Needs the full batch.
    pub gradient_tolerance: f64,
    /// For how many epochs J on the validation samples may fail to fall; 0 for no such rule. The
    /// model of the best epoch is then what training gives.
    pub validation_patience: usize,
    /// The longest ‖∇J‖, over all parameters, that the optimizer is given: a longer gradient is shortened
    /// to it; 0 for no limit. Not with a line search.
    pub gradient_clip: f64,
    /// How often a stage may go back to the start of an epoch, with half the learning rate, when a number
    /// is no longer finite; 0 ends training then. Not with a line search.
    pub retreats: usize,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            optimizer: Optimizer::Adam,
            learning_rate: 1e-3,
            schedule: Schedule::Constant,
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
            batch: BatchSize::Rows(256),
            rho_hat: RhoHat::Batch,
            rho_hat_decay: 0.9,
            epochs: 30,
            tolerance: 0.0,
            patience: 3,
            gradient_tolerance: 0.0,
            validation_patience: 0,
            gradient_clip: 0.0,
            retreats: 0,
        }
    }
}

impl Training {
    /// The longest gradient that the optimizer is given; nothing for no limit.
    pub(crate) fn clip(&self) -> Option<f64> {
        (self.gradient_clip > 0.0).then_some(self.gradient_clip)
    }
}

/// How many samples make one step: a number, or `"full"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    /// All samples at once, in their own order, processed in chunks of bounded memory.
    Full,
    /// This many, in an order that is shuffled every epoch; the last batch may be smaller.
    Rows(usize),
}

/// Which ρ̂ the sparsity term of a minibatch uses. In each case the gradient goes through the
/// minibatch's own mean activation, with derivative 1; every executor treats it alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RhoHat {
    /// The minibatch's own: J is exactly the minibatch's objective. Its expectation over
    /// minibatches exceeds the full objective's, as KL is convex in ρ̂.
    #[default]
    Batch,
    /// An exponential mean ρ̂ ← μρ̂ + (1 − μ)ρ̂_batch of the minibatches', which begins with a pass
    /// over all samples. It lags behind the weights by about 1/(1 − μ) steps.
    Running,
    /// The mean over all samples, refreshed at the start of every epoch. It lags behind by up to an
    /// epoch.
    Full,
}

impl Serialize for BatchSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Full => serializer.serialize_str("full"),
            Self::Rows(rows) => serializer.serialize_u64(*rows as u64),
        }
    }
}

impl<'de> Deserialize<'de> for BatchSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrFull;

        impl Visitor<'_> for NumberOrFull {
            type Value = BatchSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of samples or \"full\"")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<BatchSize, E> {
                match text {
                    "full" => Ok(BatchSize::Full),
                    _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
                }
            }

            fn visit_i64<E: Error>(self, rows: i64) -> Result<BatchSize, E> {
                usize::try_from(rows)
                    .map(BatchSize::Rows)
                    .map_err(|_| E::invalid_value(Unexpected::Signed(rows), &self))
            }

            fn visit_u64<E: Error>(self, rows: u64) -> Result<BatchSize, E> {
                usize::try_from(rows)
                    .map(BatchSize::Rows)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(rows), &self))
            }
        }

        deserializer.deserialize_any(NumberOrFull)
    }
}
