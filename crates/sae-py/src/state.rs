//! From where a model can be trained further.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sae::stack::Reached;
use sae::{reached_from_bytes, reached_to_bytes};

use crate::error::raised;

/// All that training remembers: parameters, memory of the optimizer, epoch.
#[pyclass(frozen, module = "sae._sae")]
pub(crate) struct State {
    pub reached: Reached,
}

#[pymethods]
impl State {
    /// Reads what `to_bytes` gave.
    #[staticmethod]
    fn from_bytes(bytes: &[u8]) -> PyResult<Self> {
        let reached = reached_from_bytes(bytes).map_err(|error| raised(error.into()))?;
        Ok(Self { reached })
    }

    /// The state as bytes.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = reached_to_bytes(self.reached.clone());
        Ok(PyBytes::new(
            py,
            &bytes.map_err(|error| raised(error.into()))?,
        ))
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let read = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((read, (self.to_bytes(py)?,)))
    }
}
