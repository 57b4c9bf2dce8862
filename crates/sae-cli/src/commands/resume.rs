//! `sae resume`, and `sae train --resume`

use std::process::ExitCode;

use sae::{Change, Experiment, Place, Run, RunFolder, is_left_to_do};

use super::training;
use crate::args::ResumeArgs;
use crate::error::CliError;
use crate::output;
use crate::progress::Progress;
use crate::ranks::Ranks;

/// Goes on with a run.
pub fn run(args: &ResumeArgs, ranks: &Ranks) -> Result<ExitCode, CliError> {
    let folder = RunFolder::resume(&args.run)?;
    let experiment = Run::settings_in(&folder, &args.set)?;
    go_on(folder, &experiment, &args.accept.changes, args.quiet, ranks)
}

/// Does what is left to do for the run in `folder` to be one of `experiment`.
pub fn go_on(
    folder: RunFolder,
    experiment: &Experiment,
    accept: &[Change],
    quiet: bool,
    ranks: &Ranks,
) -> Result<ExitCode, CliError> {
    let shown = folder.path().display().to_string();
    if !is_left_to_do(&folder, experiment)? {
        output::result(format!(
            "{shown} has finished, and nothing was changed; to go on, give a stage more epochs, for example \
             --set finetune.epochs={}",
            2 * experiment.finetune.epochs
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut progress = Progress::new(quiet);
    let prepared = training::prepare(experiment, &progress, ranks)?;
    let from = prepared.resumption(&folder, accept)?;
    training::announce(&progress, &prepared, &shown);
    progress.line(&beginning(from.place()));
    for note in &from.notes {
        progress.line(&format!("note: {note}"));
    }
    let (outcome, folder) = prepared.continue_into(folder, from, &mut progress)?;
    training::conclude(&progress, experiment, &outcome.summary, &folder)
}

fn beginning(place: Option<Place>) -> String {
    let Some(Place {
        checkpoint,
        stage,
        epochs,
        steps,
    }) = place
    else {
        return "the run left no checkpoint: from its beginning".to_owned();
    };
    let steps = match steps {
        0 => String::new(),
        steps => format!(" and {steps} steps"),
    };
    format!("going on from {checkpoint}: {stage}, after {epochs} epochs{steps}")
}
