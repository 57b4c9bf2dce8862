//! Arguments of `sae resume`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use sae::Change;

/// What may have changed since a run was begun.
#[derive(Debug, Clone, ClapArgs)]
pub struct AcceptArgs {
    /// Go on although this has changed since the run was begun: the samples, settings that decide results,
    /// where tensors are computed, what the processor computes with, the program; the results are then others
    /// than an undisturbed run's (several with commas between them)
    #[arg(
        long = "accept",
        value_name = "CHANGE",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(Change::ALL.map(Change::name))
            .try_map(|name| name.parse::<Change>())
    )]
    pub changes: Vec<Change>,
}

/// Arguments of `sae resume`.
#[derive(Debug, ClapArgs)]
pub struct ResumeArgs {
    /// Run folder
    pub run: PathBuf,
    /// Change a key of its configuration: more epochs for a stage, threads, what is reported; anything else
    /// with --accept configuration (may be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// What may have changed
    #[command(flatten)]
    pub accept: AcceptArgs,
    /// Show nothing but the results and errors
    #[arg(long)]
    pub quiet: bool,
}
