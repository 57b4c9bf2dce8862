//! The mathematics of sparse and stacked autoencoders, as [Burn](burn) modules.
//!
//! Nothing here reads a file, chooses a backend or prints. The pieces, in the order in which data
//! flows through them:
//!
//! - [`Unit`]: the activation functions φ;
//! - [`Dense`]: a layer `φ(x·W + b)`, the one building block;
//! - [`SparseAutoencoder`], [`Softmax`], [`DeepNetwork`]: the three models;
//! - [`SparseObjective`], [`CrossEntropy`]: what is minimised, split into named terms;
//! - [`GradientRule`]: automatic differentiation or the hand-derived delta rules, both producing
//!   [`GradientsParams`](burn::optim::GradientsParams) for the same optimizers;
//! - [`gradient_check`]: both rules against central finite differences.
//!
//! Rows are samples everywhere: a batch of inputs is `[batch, input]`, a batch of codes
//! `[batch, hidden]`. Formulas are derived in `docs/derivation.md`.
//!
//! ```
//! use burn::tensor::{DType, Device, Tensor};
//! use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
//! use sae_model::{AutoencoderBatch, AutoencoderConfig, GradientRule, SparseObjective};
//!
//! let device = Device::flex();
//! let mut rng = ChaCha8Rng::seed_from_u64(1);
//! let model = AutoencoderConfig::new(3, 2)?.init(&mut rng, DType::F32, &device);
//! let objective = SparseObjective::new(1e-4, 3.0, 0.05)?;
//! let x = Tensor::<2>::from_data([[0.0, 0.5, 1.0], [1.0, 0.5, 0.0]], &device);
//! let batch = AutoencoderBatch::from(x);
//! let delta = GradientRule::Delta.gradient(&objective, &model, &batch);
//! let autodiff = GradientRule::Autodiff.gradient(&objective, &model, &batch);
//! assert!((delta.value.total() - autodiff.value.total()).abs() < 1e-6);
//! # Ok::<(), sae_model::ModelError>(())
//! ```

mod autoencoder;
mod check;
mod convention;
mod dense;
mod error;
mod gradient;
mod network;
mod objective;
mod parameters;
mod plain;
mod softmax;
mod sums;
mod units;

pub use autoencoder::{Architecture, AutoencoderConfig, Decoder, SparseAutoencoder};
pub use check::{FiniteDifference, TensorCheck, gradient_check, relative_difference};
pub use convention::Convention;
pub use dense::{Dense, DenseConfig};
pub use error::ModelError;
pub use gradient::{DeltaRule, Gradient, GradientRule};
pub use network::DeepNetwork;
pub use objective::{
    AutoencoderBatch, Batch, CrossEntropy, Figures, FineTuning, LabelledBatch, Objective,
    RHO_HAT_EPSILON, SparseObjective, Terms, Value, term,
};
pub use parameters::{
    NamedParameter, by_parameter, flat_gradient, flat_parameters, in_single, named_gradients,
    named_parameters, with_flat, with_parameters,
};
pub use plain::PlainLoops;
pub use sae_kernels::Reconstruction;
pub use softmax::{Softmax, SoftmaxConfig};
pub use units::{Activation, OnTensors, Unit};
