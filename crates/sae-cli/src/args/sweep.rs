//! Arguments of `sae sweep`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ClapArgs, Subcommand};
use sae::Shard;

/// Arguments of `sae sweep`.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct SweepArgs {
    /// What to do with a plan that is there.
    #[command(subcommand)]
    pub command: Option<SweepCommand>,
    /// File of the sweep: which keys have which values (docs/sweeps.md)
    #[arg(required = true)]
    pub file: Option<PathBuf>,
    /// Folder of the sweep; without it runs/NAME-sweep
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// What is done with a plan.
#[derive(Debug, Subcommand)]
pub enum SweepCommand {
    /// Run what has not ended of a plan, or of a share of it; can be started again at any time
    Run(SweepRunArgs),
    /// Show what has come of a plan so far: a table, the best, the metric against each key
    Report(SweepReportArgs),
}

/// Arguments of `sae sweep run`.
#[derive(Debug, ClapArgs)]
pub struct SweepRunArgs {
    /// Folder of the sweep
    pub plan: PathBuf,
    /// Which share, for example 3/8; without it that of SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX, or all
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Part>,
    /// Number of shares, where JOB_COMPLETION_INDEX says which one
    #[arg(long, value_name = "N", conflicts_with = "shard", value_parser = clap::value_parser!(u32).range(1..))]
    pub shards: Option<u32>,
    /// Runs at the same time; they share the processors
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub jobs: u32,
    /// Also try those again that failed
    #[arg(long)]
    pub retry: bool,
    /// Show no progress
    #[arg(long)]
    pub quiet: bool,
}

/// Arguments of `sae sweep report`.
#[derive(Debug, ClapArgs)]
pub struct SweepReportArgs {
    /// Folder of the sweep
    pub plan: PathBuf,
    /// HTML file to write; without it report.html in the folder of the sweep
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print all runs as JSON
    #[arg(long)]
    pub json: bool,
}

/// `3/8`: the third of eight shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part(pub Shard);

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match numbers {
            Some((number, count)) if (1..=count).contains(&number) => Ok(Self(Shard {
                index: number - 1,
                count,
            })),
            _ => Err("expected a share such as 3/8, from 1/8 to 8/8".to_owned()),
        }
    }
}
