//! `sae config check`

use std::process::ExitCode;

use sae::Experiment;

use crate::args::ConfigArgs;
use crate::error::CliError;
use crate::output;

/// Reads a file, applies the arguments and checks every range.
pub fn load(args: &ConfigArgs) -> Result<Experiment, CliError> {
    let mut set = args.set.clone();
    set.extend(args.seed.map(|seed| format!("seed={seed}")));
    Ok(Experiment::read(&args.config, &set)?)
}

/// Prints the resolved configuration.
pub fn check(args: &ConfigArgs) -> Result<ExitCode, CliError> {
    output::result(load(args)?.to_toml()?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
