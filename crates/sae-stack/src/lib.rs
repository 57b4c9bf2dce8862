//! The stacked pipeline: greedy pretraining of sparse autoencoders, a softmax head on the last
//! code, fine-tuning of the whole, and evaluation of each claim.
//!
//! [`train_stack`] runs it and tells an [`Observer`] about every epoch and every finished stage,
//! so that a caller can show progress and save weights before the next stage begins.
//!
//! ```
//! use burn::tensor::Device;
//! use sae_data::DataConfig;
//! use sae_stack::{Layer, LayerSettings, Scale, StackData, StackSettings, train_stack};
//! use sae_train::{Compute, Training};
//!
//! let mut config = DataConfig::default();
//! (config.shapes.size, config.shapes.train, config.shapes.test) = (8, 60, 20);
//! let data = config.load(1, false).unwrap();
//! let training = Training { epochs: 2, ..Training::default() };
//! let layer = |hidden| {
//!     let layer = Layer { hidden, ..Layer::default() };
//!     LayerSettings::new(&layer, &training, Scale::Mean, 60)
//! };
//! let settings = StackSettings {
//!     seed: 1,
//!     layers: vec![layer(9)?, layer(4)?],
//!     classifier: None,
//! };
//! let samples = StackData::new(&data.train, None, &data.test);
//! let compute = Compute::on_cpu(Device::flex(), 1);
//! let trained = train_stack(&settings, samples, &compute, &mut ())?;
//! assert_eq!(trained.autoencoders[1].hidden(), 4);
//! # Ok::<(), sae_train::TrainError>(())
//! ```

mod codes;
mod data;
mod evaluation;
mod fit;
mod forward;
mod initial;
mod metrics;
mod observer;
mod parts;
mod pipeline;
mod reached;
mod settings;
mod so_far;
mod stage;
mod weights;

pub use codes::LayerReport;
pub use data::{StackData, WholeRows};
pub use evaluation::{Evaluation, evaluate, most_probable};
pub use forward::{Forward, Processors};
pub use metrics::{Details, EpochMetrics};
pub use observer::{Finished, Observer, WeightsNow};
pub use parts::Parts;
pub use pipeline::{continue_stack, train_stack};
pub use reached::{FinishedStage, Moment, Reached, ReachedNow, RunningStage};
pub use settings::{
    ClassifierSettings, Head, Layer, LayerSettings, Scale, StackSettings, check_classifier_training,
};
pub use so_far::SoFar;
pub use stage::{ClassifierSummary, Ended, Stage, StageError, Summary, Trained, TrainedNetwork};
pub use weights::{WeightsError, autoencoder_of, network_of, weights_of};
