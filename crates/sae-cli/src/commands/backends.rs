//! `sae backends`

use std::process::ExitCode;

use sae::Backend;

use crate::error::CliError;
use crate::output;

/// Lists every backend with its device, or why it cannot be used.
pub fn run() -> Result<ExitCode, CliError> {
    for backend in Backend::ALL {
        let state = match backend.describe() {
            Ok(device) => format!("ready: {device}"),
            Err(error) => format!("not usable: {error}"),
        };
        let default = if backend == Backend::default() {
            " (default)"
        } else {
            ""
        };
        output::result(format!(
            "{:<17} {state}",
            format!("{}{default}", backend.name())
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
