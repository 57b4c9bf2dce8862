//! Pictures from results: tiles of what hidden units look for, reconstructions, contact sheets and
//! loss curves.
//!
//! Everything is returned as the bytes of a file; nothing is written, and no gradient is computed.
//!
//! ```
//! use sae_report::{Tile, feature_tiles};
//!
//! let tile = Tile::grey(2, 2);
//! // W1 [input, hidden] of 4 inputs and 2 hidden units, row by row.
//! let weight = [1.0, 0.0, 0.5, -1.0, 0.0, 2.0, -0.5, 0.0];
//! let png = feature_tiles(tile, &weight, 2)?;
//! assert!(png.starts_with(b"\x89PNG"));
//! # Ok::<(), sae_report::ReportError>(())
//! ```

mod axis;
mod curves;
mod error;
mod grid;
mod pictures;
mod png_file;
mod tile;

pub use curves::{Curve, loss_curves};
pub use error::ReportError;
pub use pictures::{contact_sheet, feature_tiles, reconstructions};
pub use png_file::check_extension;
pub use tile::Tile;
