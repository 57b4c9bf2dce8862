//! `sae crossval`

use std::path::PathBuf;
use std::process::ExitCode;

use sae::{Destination, RunFolder, fold_figures, use_threads, write_file};

use crate::args::CrossvalArgs;
use crate::error::CliError;
use crate::output;
use crate::progress::Progress;

/// Runs the experiment of a configuration once per fold, each in a folder of its own.
pub fn run(args: &CrossvalArgs) -> Result<ExitCode, CliError> {
    let experiment = super::config::load(&args.config)?;
    let path = &args.config.config;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let default = || PathBuf::from("runs").join(format!("{name}-crossval"));
    let out = args.out.clone().unwrap_or_else(default);
    use_threads(experiment.threads())?;
    let folds = args.folds as usize;
    let destinations: Vec<Destination> = (1..=folds)
        .map(|fold| {
            let own = out.join(format!("fold-{fold}"));
            Destination::choose(
                Some(&own),
                &name,
                args.overwrite,
                std::slice::from_ref(path),
            )
        })
        .collect::<Result<_, _>>()?;
    let mut progress = Progress::new(args.quiet);
    let mut summaries = Vec::new();
    for (fold, destination) in experiment.folds(folds).zip(destinations) {
        progress.line(&format!("fold {} of {folds}", fold.data.fold));
        let prepared = fold.prepare()?;
        let folder = RunFolder::create(destination)?;
        let (outcome, _) = prepared.run_into(folder, &mut progress)?;
        summaries.push(outcome.summary);
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
