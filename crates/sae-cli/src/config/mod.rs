//! Configuration: TOML text → [`Config`] (options, with defaults) → checked settings.

mod check;
mod error;
mod load;
mod schema;

pub use check::{Checked, architecture, layer_objective, threads};
pub use error::ConfigError;
pub use load::{Loaded, ShapesSource};
pub use schema::{Config, IdxConfig, LayerConfig, Rule, SourceKind, UnitName};
