//! Arguments of commands about data.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Subcommand};
use sae::data::fetch::DataSet;

/// The data commands.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Download a data set, check it, and put it where the configurations look for it
    Fetch(FetchArgs),
    /// Draw shape images: a contact sheet, IDX pairs and the true factors
    Shapes(ShapesArgs),
    /// Say what rows are like: ranges, constants, missing values, labels, duplicates
    Inspect(InspectArgs),
    /// Write rows in another format
    Convert(ConvertArgs),
}

/// Arguments of `sae data fetch`.
#[derive(Debug, ClapArgs)]
pub struct FetchArgs {
    /// Which one
    #[arg(value_parser = PossibleValuesParser::new(DataSet::NAMES).try_map(|name| name.parse::<DataSet>()))]
    pub set: DataSet,
    /// Folder for its files; without it data/mnist or data/fashion-mnist below the current folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Where to take the files from instead of the public mirrors: a URL below which they lie, or a folder
    /// that holds them
    #[arg(long, value_name = "URL|DIR")]
    pub mirror: Option<String>,
}

/// Rows, and how they are read.
#[derive(Debug, Clone, ClapArgs)]
pub struct RowsArgs {
    /// The rows: a CSV, TSV, NPY, NPZ, Parquet or safetensors file, an IDX file, a folder of pictures or with a
    /// pair of IDX files, or - for CSV from standard input
    pub data: PathBuf,
    /// Change how they are read, for example --set data.table.label=5 (may be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Arguments of `sae data inspect`.
#[derive(Debug, ClapArgs)]
pub struct InspectArgs {
    /// The rows.
    #[command(flatten)]
    pub rows: RowsArgs,
    /// Count rows that are also in this file, for example of training data that test data must not share
    #[arg(long, value_name = "DATA")]
    pub against: Option<PathBuf>,
    /// Draw the first 100 images
    #[arg(long, value_name = "FILE.png")]
    pub sheet: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sae data convert`.
#[derive(Debug, ClapArgs)]
pub struct ConvertArgs {
    /// The rows.
    #[command(flatten)]
    pub rows: RowsArgs,
    /// File to write: .csv, .tsv, .npy, .parquet or .safetensors; for images also a folder of PNG files; without it
    /// CSV to standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the labels to a table of their own, one per line
    #[arg(long, value_name = "FILE.csv")]
    pub labels: Option<PathBuf>,
}

/// Arguments of `sae init`.
#[derive(Debug, ClapArgs)]
pub struct InitArgs {
    /// The rows.
    #[command(flatten)]
    pub rows: RowsArgs,
    /// Configuration file to write; without it standard output
    #[arg(long, value_name = "FILE.toml")]
    pub out: Option<PathBuf>,
}

/// Arguments of `sae data shapes`.
#[derive(Debug, ClapArgs)]
pub struct ShapesArgs {
    /// Folder to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Take the [data.shapes] table and the seed of this file; without it the defaults
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Seed (overrides the file)
    #[arg(long)]
    pub seed: Option<u64>,
    /// Override a key of [data.shapes], for example --set noise=[0,0.1] (may be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Replace the files that --out already holds
    #[arg(long)]
    pub overwrite: bool,
}
