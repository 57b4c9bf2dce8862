//! Arguments of `sae report` and `sae features`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::verify::NoVerifyArgs;
use sae::UnitOrder;
use sae::report::TileScale;

/// Arguments of `sae report`.
#[derive(Debug, ClapArgs)]
pub struct ReportArgs {
    /// Folder of a finished run; of several, to see them side by side
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// HTML file to write; without it report.html in the folder of the run, or comparison.html here for
    /// several
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Folder for the figures of FILE, as PNG and SVG; those of a run's own report are in its folder anyway
    #[arg(long, value_name = "DIR")]
    pub figures: Option<PathBuf>,
    /// Draw figures that are SVG as PNG, too
    #[arg(long)]
    pub png: bool,
    /// Whether files must be as they were written.
    #[command(flatten)]
    pub verify: NoVerifyArgs,
}

/// Arguments of `sae features`.
#[derive(Debug, ClapArgs)]
pub struct FeaturesArgs {
    /// Run folder
    pub run: PathBuf,
    /// The layer, from 1
    #[arg(long, default_value_t = 1)]
    pub layer: usize,
    /// The order of the units
    #[arg(long, value_enum, default_value_t)]
    pub order: Order,
    /// By what a tile is divided: its own largest magnitude, or that of all
    #[arg(long, value_enum, default_value_t)]
    pub scale: Scale,
    /// How many units, the first in their order; 0 for all
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub most: usize,
    /// Put the N test samples that activate a unit most beside its tile
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub samples: usize,
    /// Bound of the norm of the inputs that are looked for, in deeper layers
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "R",
        allow_negative_numbers = true
    )]
    pub norm: f64,
    /// Picture to write, PNG of images, SVG of tables; without it features.png, or features-K.png of layer
    /// K, in the run folder
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Whether files must be as they were written.
    #[command(flatten)]
    pub verify: NoVerifyArgs,
}

/// `--order`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Order {
    /// As they are in the weights
    #[default]
    Stored,
    /// The most selective for a class first
    Selectivity,
    /// The most active first
    RhoHat,
    /// The one with the largest weights first
    Norm,
}

impl From<Order> for UnitOrder {
    fn from(order: Order) -> Self {
        match order {
            Order::Stored => Self::Stored,
            Order::Selectivity => Self::Selectivity,
            Order::RhoHat => Self::RhoHat,
            Order::Norm => Self::Norm,
        }
    }
}

/// `--scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Scale {
    /// Its own
    #[default]
    Each,
    /// That of all
    All,
}

impl From<Scale> for TileScale {
    fn from(scale: Scale) -> Self {
        match scale {
            Scale::Each => Self::Each,
            Scale::All => Self::All,
        }
    }
}
