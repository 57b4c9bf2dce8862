//! `sae init`

use std::path::Path;
use std::process::ExitCode;

use sae::data::{DataConfig, Format, Inspection, Layout};
use sae::{Experiment, write_file};
use serde::Serialize;

use crate::args::InitArgs;
use crate::commands::data::open_tolerantly;
use crate::error::CliError;
use crate::output;
use crate::progress::short;

/// Looks at data and writes a configuration that suits them.
pub fn run(args: &InitArgs) -> Result<ExitCode, CliError> {
    let path = &args.rows.data;
    if let Some(path) = args.out.as_ref().filter(|path| path.exists()) {
        return Err(CliError::input(format!(
            "{} is there already; give another --out",
            path.display()
        )));
    }
    if path == Path::new("-") {
        let message = "standard input is gone when training reads it; expected a file";
        return Err(CliError::input(message.to_owned()));
    }
    let given = Experiment::parse("the defaults", "", &args.rows.set)?.data;
    let mut reader = open_tolerantly(&args.rows)?;
    let layout = reader.layout().clone();
    let found = Inspection::of(&mut *reader, None)?;
    if found.rows == 0 {
        return Err(CliError::input(format!(
            "{} holds no rows; expected some to look at",
            path.display()
        )));
    }
    let text = configuration(&Data {
        path,
        format: Format::of(path)?,
        layout: &layout,
        found: &found,
        given: &given,
    })?;
    // What is written is a configuration.
    Experiment::parse("the new configuration", &text, &[])?;
    match &args.out {
        Some(path) => write_file(path, text.as_bytes())?,
        None => output::result(text.trim_end())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What is known about the data.
struct Data<'a> {
    path: &'a Path,
    format: Format,
    layout: &'a Layout,
    found: &'a Inspection,
    /// How they were read.
    given: &'a DataConfig,
}

/// The columns of words among the inputs, each with the number of its words.
fn word_columns(names: &[String]) -> Vec<(String, usize)> {
    let mut columns: Vec<(String, usize)> = Vec::new();
    for name in names {
        let Some((column, _)) = name.split_once('=') else {
            continue;
        };
        match columns.iter_mut().find(|(known, _)| known == column) {
            Some((_, words)) => *words += 1,
            None => columns.push((column.to_owned(), 1)),
        }
    }
    columns
}

/// Lines of a file.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, line: impl AsRef<str>) {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }
}

fn configuration(data: &Data<'_>) -> Result<String, CliError> {
    let Data { layout, found, .. } = data;
    let words = word_columns(&layout.names);
    // One column of few words is taken for the label, unless it was said what it is.
    let label = match &words[..] {
        [(column, 2..=50)] if !layout.labelled && !data.given.table.one_hot => Some(column.clone()),
        _ => None,
    };
    let is_labelled = layout.labelled || label.is_some();
    let inputs = match (&label, &words[..]) {
        (Some(_), [(_, count)]) => layout.inputs - count,
        _ => layout.inputs,
    };
    let mut lines = Lines::default();
    let (least, largest) = found.range();
    lines.add(format!(
        "# Made for {}: {} rows of {inputs} inputs, values from {} to {}.\n# Every key is described in \
         docs/config.md.\n",
        location(data),
        found.rows,
        short(least),
        short(largest)
    ));
    lines.add(match is_labelled {
        true => "# A softmax layer is trained on the codes, and the whole fine-tuned.",
        false => "# There are no labels: the autoencoder alone is trained.",
    });
    lines.add(format!("classifier = {is_labelled}\n\n[data]"));
    add_source(&mut lines, data);
    add_reading(&mut lines, data, label, !words.is_empty())?;
    // Bytes, and images in fractions, need no scaling.
    let is_image = found.bytes || (layout.image.is_some() && least >= 0.0 && largest <= 1.0);
    add_model(&mut lines, inputs, is_image);
    add_training(&mut lines, found.rows, is_labelled);
    Ok(lines.0)
}

/// The path from anywhere, as TOML writes it. All four IDX files lie in one folder, which is named.
fn location(data: &Data<'_>) -> String {
    let path = std::fs::canonicalize(data.path).unwrap_or_else(|_| data.path.to_owned());
    let path = match (data.format, path.parent()) {
        (Format::Idx, Some(folder)) if path.is_file() => folder.to_owned(),
        _ => path,
    };
    toml_string(&path.to_string_lossy())
}

fn add_source(lines: &mut Lines, data: &Data<'_>) {
    let source = match data.format {
        Format::Idx => "idx",
        Format::Images => "images",
        Format::Csv => "csv",
        Format::Npy => "npy",
        Format::Npz => "npz",
        Format::Parquet => "parquet",
        Format::Safetensors => "safetensors",
    };
    lines.add(format!("source = \"{source}\""));
    lines.add("# Shares of the rows that are set aside to watch training and to test.");
    match data.format {
        Format::Idx => lines.add("validation = 0.1\n\n[data.idx]"),
        _ => lines.add("validation = 0.1\ntest = 0.2\n\n[data.files]"),
    }
    let key = match data.format {
        Format::Idx => "dir",
        _ => "train",
    };
    lines.add(format!("{key} = {}", location(data)));
}

/// How the rows are read: as they were here, and what was seen in them.
fn add_reading(
    lines: &mut Lines,
    data: &Data<'_>,
    label: Option<String>,
    has_words: bool,
) -> Result<(), CliError> {
    let mut given = data.given.clone();
    let missing: u64 = data.found.inputs.iter().map(|input| input.missing).sum();
    let mut remarks = Vec::new();
    if matches!(data.format, Format::Csv | Format::Parquet) {
        if let Some(label) = label {
            remarks.push(
                "# label: the one column of words; if it is no label, one_hot = true instead."
                    .to_owned(),
            );
            given.table.label = label;
        } else if has_words {
            given.table.one_hot = true;
        }
        if missing > 0 && given.table.fill_missing.is_none() {
            remarks.push(format!(
                "# fill_missing: what stands for the {missing} missing values."
            ));
            given.table.fill_missing = Some(0.0);
        }
    }
    given.images.labels |= data.format == Format::Images && data.layout.labelled;
    let normal = DataConfig::default();
    add_changed(lines, "table", &remarks, &given.table, &normal.table)?;
    add_changed(lines, "images", &[], &given.images, &normal.images)?;
    add_changed(lines, "arrays", &[], &given.arrays, &normal.arrays)
}

/// The keys of a table below `[data]` that are not as by default.
fn add_changed(
    lines: &mut Lines,
    name: &str,
    remarks: &[String],
    given: &impl Serialize,
    normal: &impl Serialize,
) -> Result<(), CliError> {
    let wrong = |error: toml::ser::Error| CliError::input(error.to_string());
    let given = toml::Table::try_from(given).map_err(wrong)?;
    let normal = toml::Table::try_from(normal).map_err(wrong)?;
    let changed: toml::Table = given
        .into_iter()
        .filter(|(key, value)| normal.get(key) != Some(value))
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    lines.add(format!("\n[data.{name}]"));
    remarks.iter().for_each(|remark| lines.add(remark));
    lines.add(changed.to_string().trim_end());
    Ok(())
}

fn add_model(lines: &mut Lines, inputs: usize, is_image: bool) {
    if !is_image {
        lines.add("\n# Inputs of different units count alike.\n[data.scaling]\nkind = \"min_max\"");
    }
    let hidden = match is_image {
        true => (inputs / 4).clamp(2, 200),
        false => (inputs / 2).max(1),
    };
    lines.add(format!(
        "\n[[layers]]\n# Fewer than the {inputs} inputs: what a row has in common with others.\nhidden = {hidden}"
    ));
    lines.add(match is_image {
        true => {
            "# Each hidden unit is to be active for a tenth of the images.\nrho = 0.1\nbeta = 3.0\nweight_decay = 1e-3"
        }
        false => {
            "# Inputs between 0 and 1 and slightly beyond; no sparsity for few units.\ndecoder = \"linear\"\nbeta = 0.0\nweight_decay = 1e-5"
        }
    });
}

fn add_training(lines: &mut Lines, rows: u64, is_labelled: bool) {
    // About so many steps are enough for small models.
    let steps_per_epoch = rows.div_ceil(64).max(1);
    let epochs = (6000 / steps_per_epoch).clamp(10, 500);
    lines.add(
        "\n[pretrain]\n# The most; training stops when J on the validation rows no longer falls.",
    );
    lines.add(format!(
        "epochs = {epochs}\nvalidation_patience = 10\nbatch = 64\nlearning_rate = 0.003"
    ));
    if is_labelled {
        for (table, rate) in [("softmax", 0.01), ("finetune", 0.001)] {
            lines.add(format!(
                "\n[{table}]\nepochs = {epochs}\nvalidation_patience = 10\nlearning_rate = {rate}"
            ));
        }
    }
}

/// A text as TOML writes it.
fn toml_string(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
