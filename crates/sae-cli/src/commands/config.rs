//! `sae config check`

use std::process::ExitCode;

use sae::Experiment;

use crate::args::ConfigArgs;
use crate::error::CliError;
use crate::output;

/// Reads a file, applies the arguments and checks every range.
pub fn load(args: &ConfigArgs) -> Result<Experiment, CliError> {
    Ok(Experiment::read(&args.config, &settings(args))?)
}

/// The arguments as `key=value`.
fn settings(args: &ConfigArgs) -> Vec<String> {
    let seed = args.seed.map(|seed| format!("seed={seed}"));
    args.set.iter().cloned().chain(seed).collect()
}

/// Prints the configuration with every default, its paths as they are written.
pub fn check(args: &ConfigArgs) -> Result<ExitCode, CliError> {
    let experiment = Experiment::read_as_written(&args.config, &settings(args))?;
    output::result(experiment.to_toml()?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
