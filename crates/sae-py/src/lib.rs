//! The extension `sae._sae`: the library for Python. What users see is python/sae.

mod error;
mod labels;
mod model;
mod pool;
mod rows;
mod state;
mod training;

use pyo3::prelude::*;

/// The functions and types of `sae._sae`.
#[pymodule]
mod _sae {
    #[pymodule_export]
    use crate::error::{InputError, SettingError};
    #[pymodule_export]
    use crate::model::Model;
    #[pymodule_export]
    use crate::state::State;
    #[pymodule_export]
    use crate::training::{Trained, train};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
