//! Arguments of `sae resume`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use sae::Change;

/// What may have changed since a run was begun.
#[derive(Debug, Clone, ClapArgs)]
pub struct AcceptArgs {
    /// Go on although this has changed since the run was begun; its results are then others than an
    /// undisturbed run's (several with commas between them)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CHANGE")]
    pub accept: Vec<AcceptedChange>,
}

/// `--accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AcceptedChange {
    /// The samples
    Data,
    /// Settings that decide results
    Configuration,
    /// Where tensors are computed
    Backend,
    /// What the processor computes with
    InstructionSet,
    /// The version of the program
    Version,
}

impl AcceptArgs {
    /// As the library names them.
    pub fn changes(&self) -> Vec<Change> {
        let change = |accepted: &AcceptedChange| match accepted {
            AcceptedChange::Data => Change::Data,
            AcceptedChange::Configuration => Change::Configuration,
            AcceptedChange::Backend => Change::Backend,
            AcceptedChange::InstructionSet => Change::InstructionSet,
            AcceptedChange::Version => Change::Version,
        };
        self.accept.iter().map(change).collect()
    }
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
