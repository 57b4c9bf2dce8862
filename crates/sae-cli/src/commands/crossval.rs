//! `sae crossval`

use std::path::PathBuf;
use std::process::ExitCode;

use sae::{
    Destination, Experiment, FolderError, Run, RunFolder, RunSummary, Stop, fold_figures,
    is_left_to_do, use_threads, write_file,
};

use crate::args::CrossvalArgs;
use crate::error::CliError;
use crate::output;
use crate::progress::Progress;
use crate::wish;

/// Where the run of a fold lies.
enum Place {
    New(Destination),
    /// It was begun before.
    There(PathBuf),
}

/// Runs one fold, or what is left of it.
fn summary(
    fold: &Experiment,
    place: Place,
    stop: &Stop,
    progress: &mut Progress,
) -> Result<RunSummary, CliError> {
    let prepare = || {
        let mut prepared = fold.prepare()?;
        prepared.stop = stop.clone();
        Ok::<_, CliError>(prepared)
    };
    let (outcome, _) = match place {
        Place::New(destination) => {
            let prepared = prepare()?;
            prepared.run_into(RunFolder::create(destination)?, progress)?
        }
        Place::There(path) => {
            let folder = RunFolder::resume(&path)?;
            if !is_left_to_do(&folder, fold)? {
                progress.line("finished before");
                return Ok(Run::open(path)?.summary()?);
            }
            let prepared = prepare()?;
            let from = prepared.resumption(&folder, &[])?;
            prepared.continue_into(folder, from, progress)?
        }
    };
    Ok(outcome.summary)
}

/// Runs the experiment of a configuration once per fold, each in a folder of its own.
pub fn run(args: &CrossvalArgs) -> Result<ExitCode, CliError> {
    let experiment = super::config::load(&args.config)?;
    let path = &args.config.config;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let default = || PathBuf::from("runs").join(format!("{name}-crossval"));
    let out = args.out.clone().unwrap_or_else(default);
    use_threads(experiment.threads())?;
    let folds = args.folds as usize;
    let places: Vec<Place> = (1..=folds)
        .map(|fold| {
            let own = out.join(format!("fold-{fold}"));
            if args.resume && RunFolder::is_there(&own)? {
                return Ok(Place::There(own));
            }
            let reads = std::slice::from_ref(path);
            Destination::choose(Some(&own), &name, args.overwrite, reads).map(Place::New)
        })
        .collect::<Result<_, FolderError>>()?;
    let mut progress = Progress::new(args.quiet);
    let stop = wish::from_signals(|text| output::progress(text))?;
    let mut summaries = Vec::new();
    for (fold, place) in experiment.folds(folds).zip(places) {
        progress.line(&format!("fold {} of {folds}", fold.data.fold));
        summaries.push(summary(&fold, place, &stop, &mut progress)?);
    }
    let figures = fold_figures(&summaries);
    let text = serde_json::to_string_pretty(&figures)
        .map_err(|error| CliError::input(error.to_string()))?;
    write_file(&out.join("crossval.json"), format!("{text}\n").as_bytes())?;
    let mut lines = vec![format!("{:<44} {:>10} {:>10}", "", "mean", "deviation")];
    lines.extend(figures.iter().map(|figure| {
        format!(
            "{:<44} {:>10.4} {:>10.4}",
            figure.name, figure.mean, figure.deviation
        )
    }));
    lines.push(format!("{} folds, in {}", folds, out.display()));
    output::result(lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}
