//! `sae data inspect` and `sae data convert`.

use std::path::Path;
use std::process::ExitCode;

use sae::data::{
    Heading, Inspection, Layout, Purpose, ROWS_AT_ONCE, Reader, RowSet, Target, writer,
};
use sae::report::{Tile, contact_sheet};
use sae::{Error, Experiment, write_file};

use crate::args::{ConvertArgs, InspectArgs, RowsArgs};
use crate::commands::apply::check_out;
use crate::error::CliError;
use crate::output;
use crate::progress::short;

/// Images on the contact sheet.
const SHEET_IMAGES: usize = 100;
/// Inputs that are listed one by one.
const LISTED: usize = 40;

/// Opens rows, with the settings that the arguments change.
pub fn open(args: &RowsArgs) -> Result<Box<dyn Reader>, CliError> {
    let experiment = Experiment::parse("the defaults", "", &args.set)?;
    open_with(&experiment, &args.data)
}

fn open_with(experiment: &Experiment, path: &Path) -> Result<Box<dyn Reader>, CliError> {
    let reader = experiment.data.open(path, Purpose::Training);
    Ok(reader.map_err(|error| Error::in_table("data", error))?)
}

/// Rows as they are looked at: missing values are no numbers, and words are inputs.
pub fn open_tolerantly(args: &RowsArgs) -> Result<Box<dyn Reader>, CliError> {
    let mut experiment = Experiment::parse("the defaults", "", &args.set)?;
    experiment.data.table.fill_missing.get_or_insert(f64::NAN);
    experiment.data.table.one_hot |= args.data != Path::new("-");
    open_with(&experiment, &args.data)
}

/// Says what rows are like.
pub fn inspect(args: &InspectArgs) -> Result<ExitCode, CliError> {
    let others = match &args.against {
        None => None,
        Some(path) => {
            let other = RowsArgs {
                data: path.clone(),
                ..args.rows.clone()
            };
            Some(RowSet::of(&mut *open_tolerantly(&other)?)?)
        }
    };
    let mut reader = open_tolerantly(&args.rows)?;
    let layout = reader.layout().clone();
    let found = Inspection::of(&mut *reader, others.as_ref())?;
    if let Some(path) = &args.sheet {
        sheet(args, &layout, path)?;
    }
    let text = match args.json {
        true => serde_json::to_string_pretty(&found)
            .map_err(|error| CliError::input(error.to_string()))?,
        false => table(&found, &layout),
    };
    output::result(text)?;
    Ok(ExitCode::SUCCESS)
}

fn sheet(args: &InspectArgs, layout: &Layout, path: &Path) -> Result<(), CliError> {
    sae::report::check_extension(path).map_err(Error::from)?;
    let Some(image) = layout.image else {
        return Err(CliError::input(format!(
            "{} holds no images, which --sheet draws",
            args.rows.data.display()
        )));
    };
    let Some(first) = open(&args.rows)?.read(SHEET_IMAGES)? else {
        return Ok(());
    };
    let tile = Tile {
        height: image.height,
        width: image.width,
        channels: image.channels,
    };
    let rows: Vec<usize> = (0..first.samples.rows()).collect();
    let picture = contact_sheet(tile, &first.samples.gather(&rows)).map_err(Error::from)?;
    Ok(write_file(path, &picture)?)
}

fn table(found: &Inspection, layout: &Layout) -> String {
    let mut lines = vec![format!(
        "{} rows of {} inputs",
        found.rows,
        found.inputs.len()
    )];
    if let Some(image) = layout.image {
        let colour = if image.channels == 3 {
            ", in colour"
        } else {
            ""
        };
        lines.push(format!(
            "images of {} x {} pixels{colour}",
            image.height, image.width
        ));
    }
    let (least, largest) = found.range();
    let bytes = if found.bytes {
        " (bytes, as v / 255)"
    } else {
        ""
    };
    lines.push(format!(
        "values from {} to {}{bytes}",
        short(least),
        short(largest)
    ));
    let missing: u64 = found.inputs.iter().map(|input| input.missing).sum();
    let constant = found
        .inputs
        .iter()
        .filter(|input| input.is_constant())
        .count();
    lines.push(format!(
        "{missing} missing values, {constant} inputs that never vary"
    ));
    lines.push(format!("{} rows equal to one before", found.duplicates));
    if let Some(shared) = found.shared {
        let near = found.near.unwrap_or(0);
        lines.push(format!(
            "{shared} rows that are in the other file, too, and {near} that nearly equal one of its rows"
        ));
    }
    if !found.labels.is_empty() {
        let labels: Vec<String> = found
            .labels
            .iter()
            .map(|(label, count)| format!("{label} {count}"))
            .collect();
        lines.push(format!("labels: {}", labels.join(", ")));
    }
    if found.inputs.len() <= LISTED {
        let width = found
            .inputs
            .iter()
            .map(|input| input.name.chars().count())
            .max();
        let width = width.unwrap_or(0).max(5);
        lines.push(format!(
            "{:<width$} {:>12} {:>12} {:>12} {:>12} {:>8}",
            "input", "least", "largest", "mean", "deviation", "missing"
        ));
        lines.extend(found.inputs.iter().map(|input| {
            let [least, largest, mean, deviation] =
                [input.least, input.largest, input.mean, input.deviation].map(short);
            let (name, missing) = (&input.name, input.missing);
            format!(
                "{name:<width$} {least:>12} {largest:>12} {mean:>12} {deviation:>12} {missing:>8}"
            )
        }));
    }
    lines.join("\n")
}

/// Writes rows in another format.
pub fn convert(args: &ConvertArgs) -> Result<ExitCode, CliError> {
    for out in [args.out.as_deref(), args.labels.as_deref()] {
        check_out(out, &[Some(&args.rows.data)])?;
    }
    let mut reader = open(&args.rows)?;
    let layout = reader.layout().clone();
    let with_words = layout.labelled && args.labels.is_none();
    let heading = Heading {
        words: with_words.then(|| "label".to_owned()),
        numbers: match layout.names.is_empty() {
            true => Heading::numbered("x", layout.inputs).numbers,
            false => layout.names,
        },
    };
    let mut labels = args
        .labels
        .as_deref()
        .map(Target::file)
        .transpose()
        .map_err(Error::from)?;
    let mut rows = writer(args.out.as_deref(), &heading, layout.image)?;
    while let Some(chunk) = reader.read(ROWS_AT_ONCE)? {
        let words = if with_words { &chunk.labels[..] } else { &[] };
        rows.write(&chunk.samples, words)?;
        if let Some(labels) = &mut labels {
            let lines: String = chunk
                .labels
                .iter()
                .map(|label| format!("{label}\n"))
                .collect();
            labels.write(lines.as_bytes()).map_err(Error::from)?;
        }
    }
    rows.finish()?;
    if let Some(labels) = labels {
        labels.finish().map_err(Error::from)?;
    }
    Ok(ExitCode::SUCCESS)
}
