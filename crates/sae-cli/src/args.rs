//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::backend::Backend;
use crate::config::Rule;

/// Sparse and stacked autoencoders: train, look at what they learned, evaluate.
///
/// Exit codes: 0 success; 1 the work failed or a check disagreed; 2 wrong input, nothing was
/// written.
#[derive(Debug, Parser)]
#[command(name = "sae", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Pretrain the stack, train the softmax head, fine-tune, evaluate; write a run folder
    Train(TrainArgs),
    /// Evaluate the networks of a run on its own test data or on other data
    Eval(EvalArgs),
    /// Draw what the hidden units of a run's first autoencoder look for
    Features(FeaturesArgs),
    /// Make data sets
    #[command(subcommand)]
    Data(DataCommand),
    /// Compare delta rules, autodiff and finite differences in f64 on a config's models
    Gradcheck(GradcheckArgs),
    /// Look at configuration files
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List the backends of this program and their devices
    Backends,
}

/// A configuration file with changes from the command line.
#[derive(Debug, Clone, ClapArgs)]
pub struct ConfigArgs {
    /// TOML file; every key is described in docs/config.md
    pub config: PathBuf,
    /// Seed of every random number (overrides the file)
    #[arg(long)]
    pub seed: Option<u64>,
    /// Override a key of the file, for example --set layers.0.hidden=50 (may be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Arguments of `sae train`.
#[derive(Debug, ClapArgs)]
pub struct TrainArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Where tensors are computed (overrides the file)
    #[arg(long, value_enum)]
    pub backend: Option<Backend>,
    /// How gradients are computed (overrides the file)
    #[arg(long, value_enum)]
    pub gradient: Option<Rule>,
    /// Run folder; without it the first free one of runs/NAME, runs/NAME-2, ...
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace the run that --out already holds
    #[arg(long, requires = "out")]
    pub overwrite: bool,
}

/// Arguments of `sae eval`.
#[derive(Debug, ClapArgs)]
pub struct EvalArgs {
    /// Run folder
    pub run: PathBuf,
    /// Folder with an IDX pair of images and labels; without it the run's test data
    pub data: Option<PathBuf>,
    /// Where tensors are computed
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,
}

/// Arguments of `sae features`.
#[derive(Debug, ClapArgs)]
pub struct FeaturesArgs {
    /// Run folder
    pub run: PathBuf,
    /// PNG to write; without it features.png in the run folder
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The data commands.
#[derive(Debug, Subcommand)]
pub enum DataCommand {
    /// Draw shape images: a contact sheet, IDX pairs and the true factors
    Shapes(ShapesArgs),
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

/// Arguments of `sae gradcheck`.
#[derive(Debug, ClapArgs)]
pub struct GradcheckArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Rows of the batch
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    pub rows: u32,
    /// Entries of each parameter tensor that are differenced
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    pub entries: u32,
}

/// The config commands.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a file and print it with every default filled in
    Check(ConfigArgs),
}
