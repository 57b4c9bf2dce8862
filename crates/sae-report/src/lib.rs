//! Reports from results: tiles of what hidden units look for, pictures of samples, charts, event files,
//! and the page that shows them.
//!
//! Everything is returned as the bytes of a file; nothing is written, and no gradient is computed.
//!
//! ```
//! use sae_report::{Tile, TileScale, feature_tiles};
//!
//! let tile = Tile::grey(2, 2);
//! // The directions of 2 hidden units in the space of 4 inputs, row by row.
//! let directions = [1.0, 0.5, 0.0, -0.5, 0.0, -1.0, 2.0, 0.0];
//! let png = feature_tiles(tile, &directions, TileScale::Each)?;
//! assert!(png.starts_with(b"\x89PNG"));
//! # Ok::<(), sae_report::ReportError>(())
//! ```

mod accuracy;
mod axis;
mod cells;
mod chart;
mod document;
mod error;
mod events;
mod features;
mod frame;
mod grid;
mod heat_map;
mod histogram;
mod intervals;
mod legend;
mod page;
mod pictures;
mod png_file;
mod rasterise;
mod scatter;
mod shade;
mod sparsity;
mod style;
mod thumbnails;
mod tile;
mod unit_bars;

pub use accuracy::{AccuracyCurve, AccuracyPoint, accuracy_curves};
pub use axis::AxisScale;
pub use chart::{Band, Line, Panel, line_chart};
pub use document::{Block, Cell, Document, Figure, Picture, Section, Table};
pub use error::ReportError;
pub use events::{EventValue, event, events_start};
pub use features::{TileScale, feature_tiles, features_beside_samples, tile_picture};
pub use frame::{Across, Mark};
pub use heat_map::{HeatMap, Shade, heat_map};
pub use histogram::histogram;
pub use intervals::{Interval, intervals};
pub use legend::LineStyle;
pub use page::page;
pub use pictures::{contact_sheet, reconstructions, strip};
pub use png_file::check_extension;
pub use rasterise::rasterise;
pub use scatter::{Classes, scatter};
pub use sparsity::sparsity_curve;
pub use thumbnails::thumbnail_map;
pub use tile::Tile;
pub use unit_bars::unit_bars;
