//! The stacked pipeline: greedy pretraining of sparse autoencoders, a softmax head on the last
//! code, fine-tuning of the whole, and evaluation of each claim.
//!
//! [`train_stack`] runs it and tells an [`Observer`] about every epoch and every finished stage,
//! so that a caller can show progress and save weights before the next stage begins.

mod codes;
mod evaluation;
mod metrics;
mod pipeline;
mod settings;
mod weights;

pub use codes::{LayerReport, encode_samples};
pub use evaluation::{Evaluation, evaluate};
pub use metrics::{Details, EpochMetrics};
pub use pipeline::{ClassifierSummary, Observer, Outcome, StackData, Stage, Summary, train_stack};
pub use settings::{ClassifierSettings, LayerSettings, StackSettings};
pub use weights::{WeightsError, decode_autoencoder, decode_network, encode_weights, read_array};
