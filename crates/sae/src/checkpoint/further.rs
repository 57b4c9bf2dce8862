//! How far a training in memory has come, as bytes.

use sae_stack::Reached;
use safetensors::tensor::SafeTensors;

use super::error::CheckpointError;
use super::vectors::{self, Vectors};

/// The key of the description in the metadata.
const KEY: &str = "sae.reached";

/// The bytes of how far a training has come, sealed: for whoever keeps it elsewhere than in a run's folder.
///
/// # Errors
///
/// Refuses figures that are not finite, which no training that goes on has.
pub fn reached_to_bytes(mut reached: Reached) -> Result<Vec<u8>, CheckpointError> {
    let vectors = Vectors::out_of(&mut reached);
    let bytes = vectors.sealed(KEY, &reached, &[]);
    bytes.map_err(|problem| CheckpointError::Unwritable { problem })
}

/// Reads what [`reached_to_bytes`] gave.
///
/// # Errors
///
/// Refuses bytes that are no such thing, or were changed.
pub fn reached_from_bytes(bytes: &[u8]) -> Result<Reached, CheckpointError> {
    let read = || {
        let text = vectors::description(bytes, KEY)?;
        let mut reached: Reached = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        vectors::put_back(&file, &mut reached)?;
        Ok(reached)
    };
    read().map_err(|problem| CheckpointError::Damaged { problem })
}
