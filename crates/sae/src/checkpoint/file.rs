//! A checkpoint as a file: safetensors with a seal, whose metadata say all that is no vector.

use std::collections::{BTreeMap, HashMap};

use bytemuck::{Pod, cast_slice};
use sae_data::seal;
use sae_stack::Reached;
use sae_train::VectorMut;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::error::CheckpointError;
use super::facts::{Checkpoint, Facts};

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

/// A vector that was taken out of a state.
enum Vector {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Vector {
    fn view(&self) -> Result<TensorView<'_>, safetensors::SafeTensorError> {
        let (dtype, length, bytes) = match self {
            Self::Single(values) => (Dtype::F32, values.len(), cast_slice(values)),
            Self::Double(values) => (Dtype::F64, values.len(), cast_slice(values)),
        };
        TensorView::new(dtype, vec![length], bytes)
    }
}

impl Checkpoint {
    /// The bytes of its file.
    ///
    /// # Errors
    ///
    /// Refuses figures that are not finite, which no run that goes on has.
    pub fn into_bytes(mut self) -> Result<Vec<u8>, CheckpointError> {
        let mut vectors: BTreeMap<String, Vector> = BTreeMap::new();
        self.reached.visit_vectors(&mut |name, vector| {
            let taken = match vector {
                VectorMut::Single(values) => Vector::Single(std::mem::take(values)),
                VectorMut::Double(values) => Vector::Double(std::mem::take(values)),
            };
            vectors.insert(name.to_owned(), taken);
        });
        let unwritable = |error: &dyn std::fmt::Display| CheckpointError::Unwritable {
            problem: error.to_string(),
        };
        let description = Description {
            format: FORMAT,
            facts: self.facts,
            reached: self.reached,
        };
        // As text at once: the terms of J have an order.
        let described = serde_json::to_string(&description).map_err(|e| unwritable(&e))?;
        let metrics = TensorView::new(Dtype::U8, vec![self.metrics.len()], &self.metrics);
        let mut views = vec![(METRICS, metrics.map_err(|e| unwritable(&e))?)];
        for (name, vector) in &vectors {
            views.push((name, vector.view().map_err(|e| unwritable(&e))?));
        }
        let metadata = HashMap::from([(KEY.to_owned(), described)]);
        seal::sealed(views, Some(metadata)).map_err(|e| unwritable(&e))
    }

    /// Reads what [`Checkpoint::into_bytes`] gave.
    ///
    /// # Errors
    ///
    /// Refuses bytes that are no checkpoint, were changed, or are of another format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        seal::demand(bytes).map_err(damaged)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let text = header.metadata().as_ref().and_then(|m| m.get(KEY));
        let text = text.ok_or_else(|| damaged("it is no checkpoint"))?;
        let Format { format } = serde_json::from_str(text).map_err(damaged)?;
        if format != FORMAT {
            return Err(damaged(format!(
                "it is of format {format}; this version knows format {FORMAT}"
            )));
        }
        let Description {
            facts, mut reached, ..
        } = serde_json::from_str(text).map_err(damaged)?;
        let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let mut problem = None;
        reached.visit_vectors(&mut |name, vector| {
            let filled = match vector {
                VectorMut::Single(values) => fill(&file, name, Dtype::F32, values),
                VectorMut::Double(values) => fill(&file, name, Dtype::F64, values),
            };
            problem = problem.take().or(filled.err());
        });
        if let Some(problem) = problem {
            return Err(problem);
        }
        let metrics = file.tensor(METRICS).map_err(damaged)?;
        Ok(Self {
            facts,
            reached,
            metrics: metrics.data().to_vec(),
        })
    }
}

/// Puts an array of the file into a vector that should be empty.
fn fill<T: Pod>(
    file: &SafeTensors<'_>,
    name: &str,
    dtype: Dtype,
    values: &mut Vec<T>,
) -> Result<(), CheckpointError> {
    let view = file.tensor(name).map_err(damaged)?;
    if view.dtype() != dtype || !values.is_empty() {
        return Err(damaged(format!("`{name}` is not an array of {dtype:?}")));
    }
    values.reserve_exact(view.data().len() / size_of::<T>());
    let numbers = view.data().chunks_exact(size_of::<T>());
    // Arrays in a file may lie anywhere, also where numbers may not.
    values.extend(numbers.map(bytemuck::pod_read_unaligned::<T>));
    Ok(())
}

fn damaged(problem: impl std::fmt::Display) -> CheckpointError {
    CheckpointError::Damaged {
        problem: problem.to_string(),
    }
}
