//! Pictures from results: tiles of what hidden units look for, reconstructions, contact sheets and
//! loss curves.
//!
//! Everything is returned as the bytes of a file; nothing is written, and no gradient is computed.

mod axis;
mod curves;
mod error;
mod grid;
mod pictures;
mod png_file;

pub use curves::{Curve, loss_curves};
pub use error::ReportError;
pub use pictures::{Tile, contact_sheet, feature_tiles, reconstructions};
pub use png_file::check_extension;
