//! A checkpoint as a file: safetensors with a seal, whose metadata say all that is no vector.

use sae_stack::Reached;
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use super::error::CheckpointError;
use super::facts::{Checkpoint, Facts};
use super::vectors::{self, Vectors};

/// The version of the format that is written and read.
const FORMAT: u32 = 1;
/// The key of the description in the file's metadata.
const KEY: &str = "sae.checkpoint";
/// The array of the bytes of `metrics.jsonl`.
const METRICS: &str = "metrics";

/// All that is no vector, as JSON.
#[derive(Serialize, Deserialize)]
struct Description {
    format: u32,
    facts: Facts,
    /// With empty vectors: these are arrays.
    reached: Reached,
}

/// What every version of the format has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Checkpoint {
    /// The bytes of its file.
    ///
    /// # Errors
    ///
    /// Refuses figures that are not finite, which no run that goes on has.
    pub fn into_bytes(mut self) -> Result<Vec<u8>, CheckpointError> {
        let vectors = Vectors::out_of(&mut self.reached);
        let description = Description {
            format: FORMAT,
            facts: self.facts,
            reached: self.reached,
        };
        let bytes = vectors.sealed(KEY, &description, &[(METRICS, &self.metrics)]);
        bytes.map_err(|problem| CheckpointError::Unwritable { problem })
    }

    /// Reads what [`Checkpoint::into_bytes`] gave.
    ///
    /// # Errors
    ///
    /// Refuses bytes that are no checkpoint, were changed, or are of another format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let text = vectors::description(bytes, KEY).map_err(damaged)?;
        let Format { format } = serde_json::from_str(&text).map_err(damaged)?;
        if format != FORMAT {
            return Err(damaged(format!(
                "it is of format {format}; this version knows format {FORMAT}"
            )));
        }
        let Description {
            facts, mut reached, ..
        } = serde_json::from_str(&text).map_err(damaged)?;
        let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
        vectors::put_back(&file, &mut reached).map_err(damaged)?;
        let metrics = file.tensor(METRICS).map_err(damaged)?;
        Ok(Self {
            facts,
            reached,
            metrics: metrics.data().to_vec(),
        })
    }
}

fn damaged(problem: impl std::fmt::Display) -> CheckpointError {
    CheckpointError::Damaged {
        problem: problem.to_string(),
    }
}
