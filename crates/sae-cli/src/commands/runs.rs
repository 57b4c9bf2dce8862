//! `sae runs`

use std::process::ExitCode;

use sae::data::message::{escaped, shown_path};
use sae::{ListedRun, RunState, list_runs};

use crate::args::RunsArgs;
use crate::error::CliError;
use crate::output;

/// Lists the runs of a folder.
pub fn run(args: &RunsArgs) -> Result<ExitCode, CliError> {
    let runs = list_runs(&args.folder, args.sort.into())?;
    output::result(if args.json {
        serde_json::to_string_pretty(&runs).map_err(|error| CliError::input(error.to_string()))?
    } else if runs.is_empty() {
        format!("no runs in {}", shown_path(&args.folder))
    } else {
        table(&runs)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The columns, and whether their text stands at the right.
const COLUMNS: [(&str, bool); 10] = [
    ("name", false),
    ("written (UTC)", false),
    ("state", false),
    ("source", false),
    ("layers", false),
    ("rmse", true),
    ("before", true),
    ("after", true),
    ("control", true),
    ("time", true),
];

fn table(runs: &[ListedRun]) -> String {
    let heading = COLUMNS.map(|(name, _)| name.to_owned());
    let rows: Vec<[String; COLUMNS.len()]> =
        [heading].into_iter().chain(runs.iter().map(row)).collect();
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let problems = [None]
        .into_iter()
        .chain(runs.iter().map(|run| run.problem.as_deref()));
    let line = |(row, problem): (&[String; COLUMNS.len()], Option<&str>)| {
        let mut line = String::new();
        for ((text, width), (name, right)) in row.iter().zip(&widths).zip(COLUMNS) {
            if let ("source", Some(problem)) = (name, problem) {
                line.push_str(&escaped(problem));
                break;
            }
            match right {
                true => line.push_str(&format!("{text:>width$}  ")),
                false => line.push_str(&format!("{text:<width$}  ")),
            }
        }
        line.trim_end().to_owned()
    };
    let lines: Vec<String> = rows.iter().zip(problems).map(line).collect();
    lines.join("\n")
}

fn row(run: &ListedRun) -> [String; COLUMNS.len()] {
    let figures = &run.figures;
    let state = match run.state {
        RunState::Complete => "complete",
        RunState::Unfinished => "unfinished",
        RunState::Damaged => "damaged",
    };
    let layers: Vec<String> = figures.layers.iter().map(ToString::to_string).collect();
    let percent = |accuracy: Option<f64>| or_none(accuracy.map(|a| format!("{:.2}%", 100.0 * a)));
    let written = run.written.as_ref();
    [
        escaped(&run.name),
        or_none(written.map(|written| written.replace('T', " ").replace('Z', ""))),
        state.to_owned(),
        or_none(figures.source.clone()),
        or_none((!layers.is_empty()).then(|| layers.join("-"))),
        or_none(figures.rmse.first().map(|rmse| format!("{rmse:.4}"))),
        percent(figures.before_finetuning),
        percent(figures.after_finetuning),
        percent(figures.from_random),
        or_none(figures.seconds.map(|seconds| format!("{seconds:.1} s"))),
    ]
}

fn or_none(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}
