//! Arguments of `sae compress` and `sae decompress`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::apply::InputArgs;
use super::verify::NoVerifyArgs;

/// Arguments of `sae compress`.
#[derive(Debug, ClapArgs)]
pub struct CompressArgs {
    /// Model and data.
    #[command(flatten)]
    pub input: InputArgs,
    /// File to write, for example codes.sae
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Bits of each value of a code
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=8))]
    pub bits: u32,
    /// Also compress the rows (at most their first 64 MiB) by PCA with as many numbers, and images by JPEG
    /// within as many bytes and by lossless WebP
    #[arg(long)]
    pub compare: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `sae decompress`.
#[derive(Debug, ClapArgs)]
pub struct DecompressArgs {
    /// Run folder, or a model file: the one that the file was compressed with
    pub model: PathBuf,
    /// What `sae compress` wrote, or - for standard input
    pub file: PathBuf,
    /// File to write: .csv, .tsv, .npy, .parquet or .safetensors; for images also a folder of PNG files; without it
    /// CSV to standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Whether files must be as they were written.
    #[command(flatten)]
    pub verify: NoVerifyArgs,
}
