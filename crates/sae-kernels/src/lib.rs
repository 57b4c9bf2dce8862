//! The delta rules, fused for CPUs: a whole training step without a tape, without temporaries and
//! without copies, on as many threads as wanted.
//!
//! Samples go through the network in blocks of 32, each of which a thread takes from its inputs to
//! its deltas while it is in the cache; two barriers follow, one for ρ̂ and one before the weight
//! gradients, which are computed panel by panel of 32 columns, and each panel is updated at once.
//! All matrix products are one of two forms on 32 columns (`tile`), so that nothing is packed.
//!
//! Every sum has a fixed order, whatever the number of threads: the same step gives the same bits.
//! [`pulp`] picks AVX-512, AVX2, NEON or plain code when the program runs.

mod autoencoder;
mod engine;
mod lanes;
mod layers;
mod math;
pub mod measure;
mod network;
mod prefetch;
mod samples;
mod team;
mod tile;
mod transpose;
mod unit;
mod update;

pub use autoencoder::{Autoencoder, AutoencoderConfig, AutoencoderValue, AutoencoderWeights};
pub use layers::Part;
pub use network::{DenseWeights, Network, NetworkConfig, NetworkValue};
pub use samples::{Rows, Values};
pub use unit::Unit;
pub use update::Optimiser;
