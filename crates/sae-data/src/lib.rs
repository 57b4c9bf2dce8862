//! Data for autoencoders: images in memory, the shapes generator, patches of pictures, IDX files,
//! splits, scaling and seeded random streams. [`DataConfig`] says which of them a run uses;
//! [`mod@fetch`] gets data sets from the network.
//!
//! Every random number of the project comes from [`stream_at`]: one independent ChaCha8 stream per
//! seed, purpose and epoch, so that changing, say, the number of epochs leaves the initial weights
//! alone, and an epoch's order of samples needs nothing of the epochs before.
//!
//! ```
//! use sae_data::DataConfig;
//!
//! let mut config = DataConfig { validation: 0.2, ..DataConfig::default() };
//! (config.shapes.size, config.shapes.train, config.shapes.test) = (12, 50, 10);
//! let data = config.load(1, true)?;
//! assert_eq!((data.train.rows(), data.test.rows()), (40, 10));
//! assert_eq!(data.train.samples.width(), 144);
//! # Ok::<(), sae_data::DataError>(())
//! ```

mod ahead;
mod collect;
mod config;
mod corruption;
mod dataset;
mod error;
pub mod fetch;
mod files;
mod fingerprint;
mod inputs;
mod inspect;
mod interval;
mod labels;
mod lent;
mod loading;
pub mod memory;
pub mod message;
mod natural;
mod near;
mod npy;
pub mod patches;
mod random;
mod rows;
mod samples;
mod scaling;
pub mod seal;
pub mod shapes;
mod store;
mod tensors;
mod tensors_error;
mod windows;
mod write_error;
mod writers;

pub use ahead::read_ahead;
pub use collect::Room;
pub use config::{DataConfig, Source, SplitData};
pub use corruption::{Corruption, CorruptionKind, Corruptor};
pub use dataset::{Dataset, ImageShape, Part};
pub use error::DataError;
pub use files::{
    ArraysConfig, Colour, Delimiter, FilesConfig, Format, Header, IdxConfig, ImagesConfig, Options,
    Purpose, TableConfig, encode_images, encode_labels,
};
pub use inputs::{Inputs, Stored};
pub use inspect::{InputFacts, Inspection, RowSet};
pub use interval::Interval;
pub use labels::Labels;
pub use lent::Lent;
pub use natural::natural_order;
pub use npy::{Array, read_npy, read_npz, read_npz_only};
pub use random::{OrderOf, Stream, gaussian, shuffled, stream, stream_at, uniform};
pub use rows::{Chunk, Layout, MemoryReader, ROWS_AT_ONCE, Reader};
pub use samples::Samples;
pub use scaling::{Per, Scaling, ScalingConfig, ScalingKind};
pub use store::Store;
pub use tensors::{NamedTensor, Tensors};
pub use tensors_error::TensorsError;
pub use windows::{Window, WindowReader, Windows};
pub use write_error::WriteError;
pub use writers::{Heading, Target, UNFINISHED, Writer, writer};
