//! `sae tensorboard`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sae::data::WriteError;
use sae::{EVENTS, write_file};

use crate::args::TensorboardArgs;
use crate::error::CliError;
use crate::output;

/// Writes the event file of a run.
pub fn run(args: &TensorboardArgs) -> Result<ExitCode, CliError> {
    let run = args.verify.run(&args.run)?;
    let path = match &args.out {
        Some(folder) => write_into(folder, &run.events()?)?,
        None if run.is_finished() => {
            run.folder().write(EVENTS, &run.events()?)?;
            run.folder().file(EVENTS)
        }
        None => {
            return Err(CliError::input(format!(
                "{} is a run that has not finished; expected one that has, or --out DIR",
                args.run.display()
            )));
        }
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    output::result(format!(
        "{}\nto see it: tensorboard --logdir {}",
        path.display(),
        folder.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The file keeps its name in another folder.
fn write_into(folder: &Path, events: &[u8]) -> Result<PathBuf, CliError> {
    std::fs::create_dir_all(folder).map_err(|error| WriteError::new(folder, error))?;
    let path = folder.join(Path::new(EVENTS).file_name().unwrap_or_default());
    write_file(&path, events)?;
    Ok(path)
}
