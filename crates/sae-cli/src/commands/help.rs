//! `sae completions` and `sae man`.

use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;
use sae::data::WriteError;

use crate::args::Args;
use crate::error::CliError;
use crate::output;

/// Prints the script of a shell.
pub fn completions(shell: Shell) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "sae", &mut script);
    output::result(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// Writes `sae.1` and a page for every command.
pub fn man(folder: &Path) -> Result<ExitCode, CliError> {
    let written = clap_mangen::generate_to(Args::command(), folder);
    written.map_err(|error| sae::Error::from(WriteError::new(folder, error)))?;
    Ok(ExitCode::SUCCESS)
}
