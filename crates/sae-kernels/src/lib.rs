//! The delta rules, fused for CPUs: a whole training step without a tape, without temporaries and
//! without copies, on as many threads as wanted.
//!
//! Samples go through the network in blocks of 32, or of 16 where they are few, each of which a
//! thread takes from its inputs to its deltas while it is in the cache; three barriers follow: one for
//! ρ̂, one before the weight gradients, which are computed panel by panel of 32 columns, and one before
//! the update, which is made only where J, its gradient and all parameters are finite numbers.
//! All matrix products are one of two forms on 32 columns (`tile`), so that nothing is packed.
//!
//! Every sum has a fixed order, whatever the number of threads: the same step gives the same bits.
//! [`pulp`] picks AVX-512, AVX2, NEON or plain code when the program runs.
//!
//! ```
//! use sae_kernels::{
//!     Activation, Autoencoder, AutoencoderConfig, Optimizer, Part, Reconstruction, RhoHat, Rows, Unit,
//!     Update,
//! };
//!
//! let config = AutoencoderConfig {
//!     inputs: 4,
//!     hidden: 2,
//!     encoder: Activation::of(Unit::Sigmoid),
//!     decoder: Unit::Sigmoid,
//!     reconstruction: Reconstruction::SquaredError,
//!     tied: false,
//!     weight_decay: 1e-4,
//!     beta: 0.1,
//!     rho: 0.3,
//!     l1: 0.0,
//!     clamp: 1e-7,
//! };
//! let mut autoencoder = Autoencoder::new(config, 1)?;
//! let start: Vec<f32> = (0..autoencoder.parameters()).map(|i| 0.1 * (i % 5) as f32).collect();
//! autoencoder.write(Part::Values, &start)?;
//! let samples = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]; // two rows
//! let sgd = Optimizer::Sgd { momentum: 0.9, nesterov: false };
//! let mut step = || autoencoder.step(Rows::of(&samples, 4), None, Some(Update::new(sgd, 0.1)), RhoHat::Batch)
//!     .map(|value| value.reconstruction);
//! let first = step()?;
//! let last = (0..200).map(|_| step()).last().unwrap()?;
//! assert!(last < first);
//! # Ok::<(), sae_kernels::KernelError>(())
//! ```

mod affine;
mod autoencoder;
mod chain;
mod engine;
mod error;
mod instruction_set;
mod lanes;
mod layers;
mod math;
pub mod measure;
mod methods;
mod network;
mod prefetch;
mod reconstruction;
mod samples;
pub mod setting;
mod sparsity;
mod sync;
mod team;
#[cfg(test)]
mod tests;
mod tile;
mod transpose;
mod unit;
mod update;

pub use affine::Affine;
pub use autoencoder::{Autoencoder, AutoencoderConfig, AutoencoderValue};
pub use chain::Chain;
pub use error::KernelError;
pub use instruction_set::InstructionSet;
pub use layers::Part;
pub use network::{Network, NetworkConfig, NetworkValue};
pub use reconstruction::Reconstruction;
pub use samples::{Rows, Values};
pub use setting::Setting;
pub use sparsity::{RhoHat, kl_divergence};
pub use unit::{Activation, Unit};
pub use update::{Optimizer, Update};
