//! Arguments of `sae labels`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::config::ConfigArgs;

/// Arguments of `sae labels`.
#[derive(Debug, ClapArgs)]
pub struct LabelsArgs {
    /// What is run: data.validation and the validation_patience of softmax and finetune must be set
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Shares of the samples that have labels, in (0, 1], with commas between them
    #[arg(long, value_name = "SHARES", value_delimiter = ',', default_values_t = [0.01, 0.05, 0.1, 1.0])]
    pub shares: Vec<f64>,
    /// Number of seeds: the configuration's and those that follow it
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub seeds: u32,
    /// Folder for labels.json, labels.csv and labels.svg, which is made where it is not there
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace these files where they are there
    #[arg(long, requires = "out")]
    pub overwrite: bool,
    /// Print labels.json instead of a table
    #[arg(long)]
    pub json: bool,
    /// Show no progress
    #[arg(long)]
    pub quiet: bool,
}
