//! Checkpoints: the whole state of a run, in one sealed file each, from which it goes on as if nothing had
//! happened.
//!
//! They lie in `checkpoints/` of the run's folder. A checkpoint holds what a
//! [`Reached`](sae_stack::Reached) holds, the metrics so far, and the [`Identity`] of the run; its file is
//! safetensors, written beside its place, synchronised with the disk and renamed, so that it is there whole
//! or not at all.

mod changes;
mod error;
mod facts;
mod file;
mod further;
mod identity;
mod keeper;
mod more;
mod name;
mod newest;
mod settings;
mod vectors;

pub use self::changes::{Change, Difference};
pub use self::error::CheckpointError;
pub use self::facts::Checkpoint;
pub use self::further::{reached_from_bytes, reached_to_bytes};
pub use self::identity::Identity;
pub(crate) use self::keeper::Keeper;
pub use self::more::is_left_to_do;
pub use self::newest::{Place, Resumption};
pub use self::settings::Checkpoints;
pub(crate) use self::vectors::{Vectors, description, put_back};
