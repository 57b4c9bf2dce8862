//! `sae init`

use std::path::Path;
use std::process::ExitCode;

use sae::data::{Format, Inspection, Layout};
use sae::{Experiment, write_file};

use crate::args::InitArgs;
use crate::commands::data::open_tolerantly;
use crate::error::CliError;
use crate::output;
use crate::progress::short;

/// Looks at data and writes a configuration that suits them.
pub fn run(args: &InitArgs) -> Result<ExitCode, CliError> {
    if let Some(path) = args.out.as_ref().filter(|path| path.exists()) {
        return Err(CliError::input(format!(
            "{} is there already; give another --out",
            path.display()
        )));
    }
    let format = Format::of(&args.rows.data)?;
    let mut reader = open_tolerantly(&args.rows)?;
    let layout = reader.layout().clone();
    let found = Inspection::of(&mut *reader, None)?;
    let text = configuration(&args.rows.data, format, &layout, &found)?;
    // What is written is a configuration.
    Experiment::parse("the new configuration", &text, &[])?;
    match &args.out {
        Some(path) => write_file(path, text.as_bytes())?,
        None => output::result(text.trim_end())?,
    }
    Ok(ExitCode::SUCCESS)
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

fn configuration(
    path: &Path,
    format: Format,
    layout: &Layout,
    found: &Inspection,
) -> Result<String, CliError> {
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let path = match (format, path.parent()) {
        // All four files lie in one folder.
        (Format::Idx, Some(folder)) if path.is_file() => folder.to_owned(),
        _ => path,
    };
    let path = toml_string(&path.to_string_lossy());
    let words = word_columns(&layout.names);
    let label = match &words[..] {
        [(column, 2..=50)] if !layout.labelled => Some(column.clone()),
        _ => None,
    };
    let is_labelled = layout.labelled || label.is_some();
    let inputs = match (&label, &words[..]) {
        (Some(_), [(_, count)]) => layout.inputs - count,
        _ => layout.inputs,
    };
    let is_image = found.bytes;
    let mut text = format!(
        "# Made for {path}: {} rows of {inputs} inputs, values from {} to {}.\n# Every key is described \
         in docs/config.md.\n\n",
        found.rows,
        short(found.range().0),
        short(found.range().1)
    );
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    match is_labelled {
        true => line("# A softmax layer is trained on the codes, and the whole fine-tuned."),
        false => line("# There are no labels: the autoencoder alone is trained."),
    }
    line(&format!("classifier = {is_labelled}\n\n[data]"));
    match format {
        Format::Idx => line("source = \"idx\"\nvalidation = 0.1\n\n[data.idx]"),
        _ => {
            let source = match format {
                Format::Images => "images",
                Format::Csv => "csv",
                Format::Npy => "npy",
                Format::Npz => "npz",
                Format::Parquet => "parquet",
                _ => "safetensors",
            };
            line(&format!("source = \"{source}\""));
            line("# Shares of the rows that are set aside to watch training and to test.");
            line("validation = 0.1\ntest = 0.2\n\n[data.files]");
        }
    }
    match format {
        Format::Idx => line(&format!("dir = {path}")),
        _ => line(&format!("train = {path}")),
    }
    if format == Format::Csv {
        line("\n[data.table]");
        match &label {
            Some(column) => {
                line("# The one column of words; if it is no label: one_hot = true instead.");
                line(&format!("label = {}", toml_string(column)));
            }
            None if !words.is_empty() => line("one_hot = true"),
            None => {}
        }
        let missing: u64 = found.inputs.iter().map(|input| input.missing).sum();
        if missing > 0 {
            line(&format!(
                "# What stands for the {missing} missing values.\nfill_missing = 0.0"
            ));
        }
    }
    if format == Format::Images {
        line(&format!("\n[data.images]\nlabels = {}", layout.labelled));
    }
    if !is_image {
        line("\n# Inputs of different units count alike.\n[data.scaling]\nkind = \"min_max\"");
    }
    let hidden = match is_image {
        true => (inputs / 4).clamp(2, 200),
        false => (inputs / 2).max(1),
    };
    line(&format!(
        "\n[[layers]]\n# Fewer than the {inputs} inputs: what a row has in common with others.\nhidden = {hidden}"
    ));
    match is_image {
        true => line(
            "# Each hidden unit is to be active for a tenth of the images.\nrho = 0.1\nbeta = 3.0\nweight_decay = 1e-3",
        ),
        false => line(
            "# Inputs between 0 and 1 and slightly beyond; no sparsity for few units.\ndecoder = \"linear\"\nbeta = 0.0\nweight_decay = 1e-5",
        ),
    }
    // About so many steps are enough for small models.
    let steps_per_epoch = found.rows.div_ceil(64).max(1);
    let epochs = (6000 / steps_per_epoch).clamp(10, 500);
    line("\n[pretrain]\n# The most; training stops when J on the validation rows no longer falls.");
    line(&format!(
        "epochs = {epochs}\nvalidation_patience = 10\nbatch = 64\nlearning_rate = 0.003"
    ));
    if is_labelled {
        line(&format!(
            "\n[softmax]\nepochs = {epochs}\nvalidation_patience = 10\nlearning_rate = 0.01"
        ));
        line(&format!(
            "\n[finetune]\nepochs = {epochs}\nvalidation_patience = 10\nlearning_rate = 0.001"
        ));
    }
    Ok(text)
}

/// A text as TOML writes it.
fn toml_string(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
