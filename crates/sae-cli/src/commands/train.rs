//! `sae train`

use std::process::ExitCode;

use sae::{Destination, Experiment, RunFolder};

use super::{resume, training};
use crate::args::TrainArgs;
use crate::error::CliError;
use crate::progress::Progress;
use crate::ranks::Ranks;

/// Trains a stack and writes its run folder.
pub fn run(args: &TrainArgs, ranks: &Ranks) -> Result<ExitCode, CliError> {
    #[cfg(unix)]
    if args.ends_with_input {
        crate::signals::end_with_input();
    }
    let experiment = experiment(args)?;
    let path = &args.config.config;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let reads = [path.clone()];
    if let (true, Some(out)) = (args.resume, &args.out)
        && RunFolder::is_there(out)?
    {
        let folder = RunFolder::resume(out)?;
        return resume::go_on(folder, &experiment, &args.accept.changes, args.quiet, ranks);
    }
    let destination = Destination::choose(args.out.as_deref(), &name, args.overwrite, &reads)?;
    let mut progress = Progress::new(args.quiet);
    let prepared = training::prepare(&experiment, &progress, ranks)?;
    let folder = RunFolder::create(destination)?;
    training::announce(&progress, &prepared, &folder.path().display().to_string());
    let (outcome, folder) = prepared.run_into(folder, &mut progress)?;
    training::conclude(&progress, &experiment, &outcome.summary, &folder)
}

/// The configuration with the arguments applied.
fn experiment(args: &TrainArgs) -> Result<Experiment, CliError> {
    let mut changed = args.config.clone();
    let mut set = |key: &str, value: Option<String>| {
        changed
            .set
            .extend(value.map(|value| format!("{key}={value}")));
    };
    set("backend", args.backend.clone());
    set("gradient", args.gradient.clone());
    set("threads", args.threads.map(|threads| threads.to_string()));
    set("instruction_set", args.instruction_set.clone());
    set("tensorboard", args.tensorboard.then(|| true.to_string()));
    super::config::load(&changed)
}
