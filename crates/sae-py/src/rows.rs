//! Arrays of NumPy as samples, and back.

use numpy::{IntoPyArray, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use sae::Samples;
use sae::data::Lent;

use crate::error::InputError;

/// The numbers of an array that lives at least as long.
struct Borrowed {
    values: &'static [f32],
    _array: Py<PyArray2<f32>>,
}

impl AsRef<[f32]> for Borrowed {
    fn as_ref(&self) -> &[f32] {
        self.values
    }
}

/// The rows of an array `[rows, columns]`, which lie one after the other, where they are. Nobody may write
/// into them meanwhile.
pub(crate) fn borrowed(array: &PyReadonlyArray2<'_, f32>) -> PyResult<Samples> {
    let width = array.shape()[1];
    let wrong = || {
        InputError::new_err(
            "the rows do not lie one after the other; expected an aligned, C-contiguous array",
        )
    };
    // A slice may also be had of columns that lie one after the other.
    let values = Some(array).filter(|array| array.is_c_contiguous());
    let values = values.ok_or_else(wrong)?.as_slice();
    let values = values.map_err(|_| wrong())?;
    // SAFETY: the numbers lie in the array, which `Borrowed` keeps alive: NumPy never moves them while there is
    // another reference to it. Nothing here writes into them.
    #[expect(
        unsafe_code,
        reason = "the array is kept by who reads it, which no lifetime can say"
    )]
    let values = unsafe { std::slice::from_raw_parts(values.as_ptr(), values.len()) };
    let values = Lent::by(Borrowed {
        values,
        _array: (**array).clone().unbind(),
    });
    Ok(Samples::Lent { width, values })
}

/// Rows as an array `[rows, columns]`.
pub(crate) fn array<'py>(py: Python<'py>, rows: Samples) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let shape = [rows.rows(), rows.width()];
    let values = match rows.in_single() {
        Samples::Floats { values, .. } => values,
        other => other.gather(&(0..shape[0]).collect::<Vec<_>>()),
    };
    values.into_pyarray(py).reshape(shape)
}
