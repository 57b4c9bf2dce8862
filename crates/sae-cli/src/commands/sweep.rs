//! `sae sweep`: a plan, and its report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sae::data::message::{escaped, shown_path};
use sae::report::page;
use sae::{Plan, Sweep, SweepConfig, SweepRow, sweep_document, sweep_rows, write_file};

use super::sweep_run;
use crate::args::{SweepArgs, SweepCommand, SweepReportArgs};
use crate::error::CliError;
use crate::output;

/// Writes a plan, or does what is asked with one.
pub fn run(args: &SweepArgs) -> Result<ExitCode, CliError> {
    match (&args.command, &args.file) {
        (Some(SweepCommand::Run(args)), _) => sweep_run::run(args),
        (Some(SweepCommand::Report(args)), _) => report(args),
        (None, Some(file)) => plan(file, args.out.as_deref()),
        (None, None) => Err(CliError::input("expected the file of a sweep".to_owned())),
    }
}

fn plan(file: &Path, out: Option<&Path>) -> Result<ExitCode, CliError> {
    let sweep = SweepConfig::read(file).map_err(sae::Error::from)?;
    let (plan, experiments) = Plan::of(&sweep)?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let default = || PathBuf::from("runs").join(format!("{name}-sweep"));
    let folder = out.map_or_else(default, Path::to_owned);
    plan.write(&experiments, &folder)?;
    let shown = shown_path(&folder);
    let rounds = match &plan.halving {
        Some(halving) => format!(" in {} rounds", halving.rounds),
        None => String::new(),
    };
    output::result(format!(
        "{} runs{rounds}, compared by {}: `sae sweep run {shown}` runs them, `sae sweep report {shown}` shows what has \
         come of them",
        plan.runs.len(),
        plan.metric
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The most runs that are printed; the page has all.
const PRINTED: usize = 20;

fn report(args: &SweepReportArgs) -> Result<ExitCode, CliError> {
    let sweep = Sweep::open(&args.plan)?;
    let rows = sweep_rows(&sweep)?;
    if args.json {
        let text = serde_json::to_string_pretty(&rows);
        output::result(text.map_err(|error| CliError::input(error.to_string()))?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let document = sweep_document(&sweep)?;
    let path = args
        .out
        .clone()
        .unwrap_or_else(|| args.plan.join("report.html"));
    write_file(&path, page(&document).as_bytes())?;
    let mut lines = vec![document.lead.clone()];
    lines.extend(rows.iter().take(PRINTED).map(|row| line(&sweep, row)));
    if rows.len() > PRINTED {
        lines.push(format!("and {} more", rows.len() - PRINTED));
    }
    lines.push(shown_path(&path).to_string());
    output::result(lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn line(sweep: &Sweep, row: &SweepRow) -> String {
    let keys = sweep.plan().keys.iter().zip(&row.values);
    let set: Vec<String> = keys.map(|(key, value)| format!("{key}={value}")).collect();
    let end = match (row.metric, &row.problem) {
        (Some(metric), _) => format!("{metric:.6}"),
        (None, Some(_)) => "failed".to_owned(),
        (None, None) => "not ended".to_owned(),
    };
    escaped(&format!("{:<12} {end:>12}  {}", row.name, set.join("  "))).to_string()
}
