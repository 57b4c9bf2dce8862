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
mod stage;
mod weights;

pub use codes::{LayerReport, encode_samples};
pub use evaluation::{Evaluation, evaluate};
pub use metrics::{Details, EpochMetrics};
pub use pipeline::{StackData, train_stack};
pub use settings::{
    ClassifierSettings, Head, Layer, LayerSettings, Scale, StackSettings, check_classifier_training,
};
pub use stage::{ClassifierSummary, Finished, Observer, Stage, Summary, Trained};
pub use weights::{WeightsError, autoencoder_of, network_of, weights_of};
