//! What is minimised, split into named terms.
//!
//! All objectives use the mean convention: the data term is a mean over the samples of the batch.

mod batch;
mod classifier;
mod figures;
mod sparse;

use burn::module::Module;
use burn::tensor::Tensor;

pub use batch::{AutoencoderBatch, Batch, LabelledBatch};
pub(crate) use classifier::classifier_value;
pub use classifier::{CrossEntropy, FineTuning};
pub use figures::{Figures, Terms, Value, term};
pub(crate) use sparse::{Output, rho_hat_of};
pub use sparse::{RHO_HAT_EPSILON, SparseObjective};

/// A differentiable number that depends on a model and a batch. This alone is enough to train by
/// automatic differentiation.
pub trait Objective {
    /// The model whose parameters are varied.
    type Model: Module;
    /// The data on which the objective is defined.
    type Batch: Batch;

    /// The names of the terms, in order (see [`term`]).
    fn terms(&self) -> &'static [&'static str];

    /// The value, computed with tensor operations: it carries a gradient tape if `model` does.
    fn value(&self, model: &Self::Model, batch: &Self::Batch) -> Value;

    /// The mean activity of each hidden unit over the batch, `[1, hidden]`, off the tape, where the
    /// objective depends on it; nothing where it is a plain mean over samples.
    fn mean_activity(&self, _model: &Self::Model, _batch: &Self::Batch) -> Option<Tensor<2>> {
        None
    }
}
