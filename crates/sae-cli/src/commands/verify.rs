//! `sae verify`: whether the files of a run are as they were written.

use std::process::ExitCode;

use sae::data::message::escaped;
use sae::{FileState, Verdict, verify};

use crate::args::VerifyArgs;
use crate::error::CliError;
use crate::output;

/// Prints a line per file; exit code 1 where one is damaged.
///
/// # Errors
///
/// As [`sae::verify`].
pub fn run(args: &VerifyArgs) -> Result<ExitCode, CliError> {
    let verdicts = verify(&args.run)?;
    let damaged = verdicts
        .iter()
        .filter(|one| one.state == FileState::Damaged);
    let (damaged, all) = (damaged.count(), verdicts.len());
    output::result(if args.json {
        serde_json::to_string_pretty(&verdicts)
            .map_err(|error| CliError::input(error.to_string()))?
    } else {
        let line = |one: &Verdict| {
            let problem = one.problem.as_deref();
            let problem = problem.map_or(String::new(), |problem| format!(": {problem}"));
            format!("{:<9} {}{problem}\n", one.state, escaped(&one.file))
        };
        let lines: String = verdicts.iter().map(line).collect();
        match damaged {
            0 => format!("{lines}{all} files, none damaged"),
            _ => format!("{lines}{damaged} of {all} files damaged"),
        }
    })?;
    Ok(ExitCode::from(u8::from(damaged > 0)))
}
