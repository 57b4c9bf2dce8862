//! Arguments of every command that takes a configuration.

use std::path::PathBuf;

use clap::Args as ClapArgs;

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
