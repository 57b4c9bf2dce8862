//! Labels as Python gives them.

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use sae::data::Labels;

use crate::error::InputError;

/// The class of each row, an index into the names of the classes.
pub(crate) fn labels(values: &PyReadonlyArray1<'_, u32>, classes: Vec<String>) -> PyResult<Labels> {
    let values = values.as_slice()?.to_vec();
    match values
        .iter()
        .find(|&&class| class as usize >= classes.len())
    {
        None => Ok(Labels { values, classes }),
        Some(class) => Err(InputError::new_err(format!(
            "a label is class {class}; expected a number below {}",
            classes.len()
        ))),
    }
}
