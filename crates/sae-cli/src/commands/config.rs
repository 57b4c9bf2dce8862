//! `sae config check`

use std::process::ExitCode;

use crate::args::ConfigArgs;
use crate::config::{Checked, ConfigError, Loaded};
use crate::error::CliError;
use crate::output;

/// Reads a file, applies the arguments and checks every range.
pub fn load(args: &ConfigArgs) -> Result<Checked, ConfigError> {
    let mut set = args.set.clone();
    set.extend(args.seed.map(|seed| format!("seed={seed}")));
    Loaded::read(&args.config, &set)?.check()
}

/// Prints the resolved configuration.
pub fn check(args: &ConfigArgs) -> Result<ExitCode, CliError> {
    let checked = load(args)?;
    let text = toml::to_string_pretty(&checked.config)
        .map_err(|error| CliError::Input(error.to_string()))?;
    output::result(text.trim_end());
    Ok(ExitCode::SUCCESS)
}
