//! How far a pipeline has come, as a sealed safetensors file: vectors as arrays, and all else in its metadata.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use bytemuck::{Pod, cast_slice};
use sae_data::seal;
use sae_stack::Reached;
use sae_train::VectorMut;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::Serialize;

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

/// The vectors of a state, by their names.
pub(crate) struct Vectors(BTreeMap<String, Vector>);

impl Vectors {
    /// Takes them out, and leaves empty ones.
    pub(crate) fn out_of(reached: &mut Reached) -> Self {
        let mut vectors = BTreeMap::new();
        reached.visit_vectors(&mut |name, vector| {
            let taken = match vector {
                VectorMut::Single(values) => Vector::Single(std::mem::take(values)),
                VectorMut::Double(values) => Vector::Double(std::mem::take(values)),
            };
            vectors.insert(name.to_owned(), taken);
        });
        Self(vectors)
    }

    /// The sealed bytes of a file of them, of other arrays of bytes, and of a description, under its key.
    ///
    /// # Errors
    ///
    /// Says what of it no file can hold.
    pub(crate) fn sealed(
        &self,
        key: &str,
        description: &impl Serialize,
        others: &[(&str, &[u8])],
    ) -> Result<Vec<u8>, String> {
        // As text at once: the terms of J have an order.
        let described = serde_json::to_string(description).map_err(text)?;
        let mut views = Vec::new();
        for (name, bytes) in others {
            let view = TensorView::new(Dtype::U8, vec![bytes.len()], bytes);
            views.push((*name, view.map_err(text)?));
        }
        for (name, vector) in &self.0 {
            views.push((name, vector.view().map_err(text)?));
        }
        let metadata = HashMap::from([(key.to_owned(), described)]);
        seal::sealed(views, Some(metadata)).map_err(text)
    }
}

/// The description that stands in the metadata under a key, of sealed bytes.
///
/// # Errors
///
/// Refuses bytes that have none, or were changed.
pub(crate) fn description(bytes: &[u8], key: &str) -> Result<String, String> {
    seal::demand(bytes).map_err(text)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(text)?;
    let described = header.metadata().as_ref().and_then(|m| m.get(key));
    described.cloned().ok_or_else(|| format!("it has no {key}"))
}

/// Puts vectors of a file back where they were taken out.
///
/// # Errors
///
/// Says which one is missing, or of another kind.
pub(crate) fn put_back(file: &SafeTensors<'_>, reached: &mut Reached) -> Result<(), String> {
    let mut problem = None;
    reached.visit_vectors(&mut |name, vector| {
        let filled = match vector {
            VectorMut::Single(values) => fill(file, name, Dtype::F32, values),
            VectorMut::Double(values) => fill(file, name, Dtype::F64, values),
        };
        problem = problem.take().or(filled.err());
    });
    problem.map_or(Ok(()), Err)
}

/// Puts an array of the file into a vector that should be empty.
fn fill<T: Pod>(
    file: &SafeTensors<'_>,
    name: &str,
    dtype: Dtype,
    values: &mut Vec<T>,
) -> Result<(), String> {
    let view = file.tensor(name).map_err(text)?;
    if view.dtype() != dtype || !values.is_empty() {
        return Err(format!("`{name}` is not an array of {dtype:?}"));
    }
    values.reserve_exact(view.data().len() / size_of::<T>());
    let numbers = view.data().chunks_exact(size_of::<T>());
    // Arrays in a file may lie anywhere, also where numbers may not.
    values.extend(numbers.map(bytemuck::pod_read_unaligned::<T>));
    Ok(())
}

fn text(error: impl Display) -> String {
    error.to_string()
}
