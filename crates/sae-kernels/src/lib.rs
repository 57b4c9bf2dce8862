//! The delta rules, fused for CPUs: a whole training step without a tape, without temporaries and
//! without copies, on as many threads as wanted.
//!
//! Samples go through the network in blocks of 32, or of 16 where they are few, each of which a
//! thread takes from its inputs to its deltas while it is in the cache; two barriers follow, one for ρ̂ and one before the weight
//! gradients, which are computed panel by panel of 32 columns, and each panel is updated at once.
//! All matrix products are one of two forms on 32 columns (`tile`), so that nothing is packed.
//!
//! Every sum has a fixed order, whatever the number of threads: the same step gives the same bits.
//! [`pulp`] picks AVX-512, AVX2, NEON or plain code when the program runs.

mod autoencoder;
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

pub use autoencoder::{Autoencoder, AutoencoderConfig, AutoencoderValue};
pub use error::KernelError;
pub use instruction_set::InstructionSet;
pub use layers::Part;
pub use network::{Network, NetworkConfig, NetworkValue};
pub use samples::{Rows, Values};
pub use setting::Setting;
pub use sparsity::{RhoHat, kl_divergence};
pub use unit::{Activation, Unit};
pub use update::Optimizer;
