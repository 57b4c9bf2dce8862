//! Arguments of commands that apply a model to rows.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::verify::NoVerifyArgs;

/// A model, and rows that it works on.
#[derive(Debug, ClapArgs)]
pub struct InputArgs {
    /// Run folder, or a model file
    pub model: PathBuf,
    /// The rows: a CSV, TSV, NPY, NPZ, Parquet or safetensors file, an IDX file, a folder of pictures or with a
    /// pair of IDX files, or - for CSV from standard input; without it the run's own test data
    pub data: Option<PathBuf>,
    /// Change how the data are read, for example --set data.table.label=5 (may be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Whether files must be as they were written.
    #[command(flatten)]
    pub verify: NoVerifyArgs,
}

/// A model, rows that it works on, and where the results go.
#[derive(Debug, ClapArgs)]
pub struct ApplyArgs {
    /// Model and data.
    #[command(flatten)]
    pub input: InputArgs,
    /// File to write: .csv, .tsv, .npy, .parquet or .safetensors; for images also a folder of PNG files; without it
    /// CSV to standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `sae score`.
#[derive(Debug, ClapArgs)]
pub struct ScoreArgs {
    /// Model, data, results.
    #[command(flatten)]
    pub apply: ApplyArgs,
    /// Also write the absolute error of each input, in its own units
    #[arg(long)]
    pub per_input: bool,
    /// Also write whether a row is an anomaly: its score is above what this share of the training data
    /// exceeds
    #[arg(long, value_name = "SHARE")]
    pub contamination: Option<f64>,
    /// Exit with code 1 where there is an anomaly
    #[arg(long, requires = "contamination")]
    pub strict: bool,
}
