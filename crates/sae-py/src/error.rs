//! Errors of the library as exceptions.

use pyo3::create_exception;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use sae::{ConfigError, Error};

create_exception!(
    _sae,
    InputError,
    PyValueError,
    "What was given cannot be used."
);
create_exception!(
    _sae,
    SettingError,
    InputError,
    "A setting lies outside its range; args are its key, what was found, and what was expected."
);

/// The exception that stands for an error.
pub(crate) fn raised(error: Error) -> PyErr {
    match error {
        Error::Setting(setting) => SettingError::new_err((
            setting.name.into_owned(),
            setting.found,
            setting.expected.into_owned(),
        )),
        Error::Config(ConfigError::Range {
            key,
            found,
            expected,
            ..
        }) => SettingError::new_err((key, found, expected)),
        // The place is an argument of the command line, of which nobody knows here.
        Error::Config(ConfigError::Syntax { message, .. }) => InputError::new_err(message),
        error if error.is_input() => InputError::new_err(error.to_string()),
        error => PyRuntimeError::new_err(error.to_string()),
    }
}
