//! Arguments of `sae runs`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use sae::RunOrder;

/// Arguments of `sae runs`.
#[derive(Debug, ClapArgs)]
pub struct RunsArgs {
    /// Folder whose runs are listed, and those of the folders in it
    #[arg(default_value = "runs")]
    pub folder: PathBuf,
    /// What comes first
    #[arg(long, value_enum, default_value_t = Sort::Name)]
    pub sort: Sort,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `--sort`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// The most accurate on the test samples
    Accuracy,
    /// The least error of the first autoencoder on the test samples
    Rmse,
    /// The shortest
    Time,
    /// By name; numbers in names count as numbers
    Name,
    /// The newest
    Date,
}

impl From<Sort> for RunOrder {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Accuracy => Self::Accuracy,
            Sort::Rmse => Self::Rmse,
            Sort::Time => Self::Time,
            Sort::Name => Self::Name,
            Sort::Date => Self::Date,
        }
    }
}
