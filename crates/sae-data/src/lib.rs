//! Data for autoencoders: images in memory, the shapes generator, patches of pictures, IDX files,
//! splits, scaling and seeded random streams.
//!
//! Every random number of the project comes from [`stream`]: one independent ChaCha8 stream per
//! purpose, so that changing, say, the number of epochs leaves the initial weights alone.

mod corruption;
mod dataset;
mod error;
mod idx;
mod npy;
pub mod patches;
mod random;
mod samples;
mod scaling;
pub mod shapes;

pub use corruption::{Corruption, Corruptor};
pub use dataset::{Dataset, ImageShape, Labels};
pub use error::DataError;
pub use idx::{encode_images, encode_labels, read_images, read_labels};
pub use npy::{Array, read_npy, read_npz};
pub use random::{Stream, gaussian, shuffled, stream, uniform};
pub use samples::Samples;
pub use scaling::{Per, Scaling, ScalingConfig, ScalingKind};
