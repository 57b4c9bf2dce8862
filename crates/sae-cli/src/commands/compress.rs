//! `sae compress` and `sae decompress`.

use std::fs::File;
use std::io::{BufReader, Read, stdin};
use std::path::Path;
use std::process::ExitCode;

use sae::compression::{
    Comparison, Compressed, Compression, Decompressor, Distortion, Method, Peak, Rival, compare,
    compress,
};
use sae::data::{Target, writer};
use sae::{Error, Work, use_threads};
use serde_json::{Value, json};

use super::apply::{Opened, check_out};
use crate::args::{CompressArgs, DecompressArgs};
use crate::error::CliError;
use crate::output;
use crate::progress::short;

/// Bytes of the rows that are compared.
const COMPARED: usize = 64 << 20;

/// Compresses rows; says what that saves and costs.
pub fn run(args: &CompressArgs) -> Result<ExitCode, CliError> {
    let inputs = [Some(&args.input.model), args.input.data.as_ref()];
    check_out(Some(&args.out), &inputs)?;
    let opened = Opened::new(&args.input.model, args.input.verify)?;
    let model = &opened.model;
    let reader = opened.rows(&args.input, Work::Encode)?;
    let mut target = Target::file(&args.out)?;
    let settings = Compression {
        bits: args.bits,
        keep: args.compare.then_some(COMPARED),
    };
    let compressed = compress(model, settings, reader, &mut target)?;
    let sample = compressed.sample.as_ref();
    let comparison = sample
        .map(|sample| compare(model, args.bits, sample))
        .transpose()?;
    target.finish()?;
    let peak = compressed.distortion.peak(model.facts().image().is_some());
    output::result(match args.json {
        true => as_json(&compressed, peak, comparison.as_ref())?,
        false => as_text(&compressed, (model.inputs(), peak), comparison.as_ref()),
    })?;
    if args.compare && comparison.is_none() {
        output::progress("there are no rows to compare");
    }
    Ok(ExitCode::SUCCESS)
}

/// Decompresses rows.
pub fn back(args: &DecompressArgs) -> Result<ExitCode, CliError> {
    let opened = Opened::new(&args.model, args.verify)?;
    use_threads(opened.experiment(&[], Work::Reconstruct)?.threads())?;
    let model = &opened.model;
    let named = |error| in_file(&args.file, error);
    // Looked at before anything is written, if only the names of columns.
    let decompressor = Decompressor::new(model, open(&args.file)?).map_err(named)?;
    let heading = Work::Reconstruct.heading(model);
    let mut writer = writer(args.out.as_deref(), &heading, model.facts().image())?;
    decompressor.write_to(&mut *writer).map_err(named)?;
    writer.finish()?;
    Ok(ExitCode::SUCCESS)
}

fn open(path: &Path) -> Result<Box<dyn Read>, CliError> {
    if path == Path::new("-") {
        return Ok(Box::new(stdin().lock()));
    }
    let file = File::open(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(Box::new(BufReader::new(file)))
}

/// Puts the file's name before what is wrong with it.
fn in_file(path: &Path, error: Error) -> CliError {
    match error {
        Error::Compression(error) => {
            let name = match path == Path::new("-") {
                true => "standard input".to_owned(),
                false => path.display().to_string(),
            };
            CliError::input(format!("{name}: {error}"))
        }
        other => other.into(),
    }
}

fn ratio(source: u64, bytes: u64) -> f64 {
    source as f64 / bytes as f64
}

/// A PSNR in words.
fn decibels(distortion: &Distortion, peak: Peak) -> String {
    match distortion.psnr(peak) {
        None => "-".to_owned(),
        Some(psnr) if psnr.is_finite() => format!("{psnr:.2} dB"),
        Some(_) => "infinite".to_owned(),
    }
}

fn peak_in_words(peak: Peak) -> String {
    match peak {
        Peak::One => "of peak 1: images in [0, 1]".to_owned(),
        Peak::Range(range) => format!("of peak {}: the range of the data", short(range)),
    }
}

fn as_text(
    compressed: &Compressed,
    (inputs, peak): (usize, Peak),
    comparison: Option<&Comparison>,
) -> String {
    let Compressed {
        rows,
        source_bytes,
        bytes,
        distortion,
        ..
    } = compressed;
    let times = ratio(*source_bytes, *bytes);
    let mut lines = vec![
        format!("rows        {rows} of {inputs} values"),
        format!("before      {source_bytes} bytes, as the source keeps its values"),
        format!("compressed  {bytes} bytes, ratio {times:.2}; the model is not counted"),
        format!("rmse        {}", short(distortion.rmse())),
        format!(
            "psnr        {} ({})",
            decibels(distortion, peak),
            peak_in_words(peak)
        ),
    ];
    if let Some(comparison) = comparison {
        lines.extend(beside_others(comparison));
    }
    lines.join("\n")
}

fn beside_others(comparison: &Comparison) -> Vec<String> {
    let rows = match comparison.is_all {
        true => "all rows".to_owned(),
        false => format!("the first {} rows", comparison.rows),
    };
    let peak = peak_in_words(comparison.peak);
    let mut lines = vec![
        format!("compared on {rows} (psnr {peak})"),
        format!(
            "  {:<14} {:>12} {:>8} {:>10} {:>10}",
            "", "bytes", "ratio", "rmse", "psnr"
        ),
    ];
    for rival in &comparison.rivals {
        lines.push(format!(
            "  {:<14} {:>12} {:>8.2} {:>10} {:>10}  {}",
            name(rival.method),
            rival.bytes,
            ratio(comparison.source_bytes, rival.bytes),
            short(rival.distortion.rmse()),
            decibels(&rival.distortion, comparison.peak),
            explanation(rival, comparison.rivals[0].bytes),
        ));
    }
    let left_out = comparison.left_out.iter();
    lines.extend(left_out.map(|why| format!("  left out: {why}")));
    lines
}

fn name(method: Method) -> &'static str {
    match method {
        Method::Autoencoder { .. } => "autoencoder",
        Method::Pca { .. } => "pca",
        Method::Jpeg { .. } => "jpeg",
        Method::WebP => "webp",
    }
}

fn explanation(rival: &Rival, budget: u64) -> String {
    match rival.method {
        Method::Autoencoder { values } => format!("{values} values per row"),
        Method::Pca { components } => format!(
            "{components} components of as many bits, fitted on these rows; without their basis"
        ),
        Method::Jpeg { quality } => {
            let which = match rival.bytes > budget {
                true => "the least; takes more than the codes",
                false => "the largest that takes no more than the codes",
            };
            format!("quality {quality}, {which}; all images on large sheets")
        }
        Method::WebP => "lossless, of 8 bits; all images on large sheets".to_owned(),
    }
}

/// What is infinite becomes null.
fn as_json(
    compressed: &Compressed,
    peak: Peak,
    comparison: Option<&Comparison>,
) -> Result<String, CliError> {
    let Compressed {
        rows,
        source_bytes,
        bytes,
        distortion,
        ..
    } = compressed;
    let mut value = json!({
        "rows": rows,
        "source_bytes": source_bytes,
        "bytes": bytes,
        "ratio": ratio(*source_bytes, *bytes),
        "rmse": distortion.rmse(),
        "psnr": distortion.psnr(peak),
        "peak": peak.value(),
    });
    if let Some(comparison) = comparison {
        let rivals: Vec<Value> = comparison
            .rivals
            .iter()
            .map(|rival| rival_as_json(rival, comparison))
            .collect();
        value["comparison"] = json!({
            "rows": comparison.rows,
            "source_bytes": comparison.source_bytes,
            "peak": comparison.peak.value(),
            "methods": rivals,
            "left_out": comparison.left_out,
        });
    }
    serde_json::to_string_pretty(&value).map_err(|error| CliError::input(error.to_string()))
}

fn rival_as_json(rival: &Rival, comparison: &Comparison) -> Value {
    let mut value = json!({
        "method": name(rival.method),
        "bytes": rival.bytes,
        "ratio": ratio(comparison.source_bytes, rival.bytes),
        "rmse": rival.distortion.rmse(),
        "psnr": rival.distortion.psnr(comparison.peak),
    });
    match rival.method {
        Method::Autoencoder { values } => value["values"] = values.into(),
        Method::Pca { components } => value["components"] = components.into(),
        Method::Jpeg { quality } => value["quality"] = quality.into(),
        Method::WebP => value["lossless"] = true.into(),
    }
    value
}
