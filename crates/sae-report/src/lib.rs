<<<<<<< HEAD
//! Pictures from results: tiles of what hidden units look for, reconstructions, images at their
//! places in the plane (PNG); curves, histograms, heat maps, points (SVG), which become PNG, too.
=======
//! Pictures from results: tiles of what hidden units look for, reconstructions, contact sheets and
//! loss curves; and event files of TensorBoard.
>>>>>>> f380eb2 (Event files of TensorBoard as bytes: scalars, histograms, pictures, texts)
//!
//! Everything is returned as the contents of a file; nothing is written, and no gradient is
//! computed. Drawings have one style: white, thin grids, colours that people with any colour vision
//! tell apart, and text of 12 pixels or more.
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

mod axis;
mod cells;
mod chart;
mod curves;
mod error;
mod events;
mod features;
mod frame;
mod grid;
mod heat_map;
mod histogram;
mod intervals;
mod legend;
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

pub use axis::AxisScale;
pub use chart::{Band, Line, Panel, line_chart};
pub use curves::{Curve, loss_curves};
pub use error::ReportError;
pub use events::{EventValue, event, events_start};
pub use features::{TileScale, feature_tiles, features_beside_samples};
pub use frame::{Across, Mark};
pub use heat_map::{HeatMap, Shade, heat_map};
pub use histogram::histogram;
pub use intervals::{Interval, intervals};
pub use legend::LineStyle;
pub use pictures::{contact_sheet, reconstructions, strip};
pub use png_file::check_extension;
pub use rasterise::rasterise;
pub use scatter::{Classes, scatter};
pub use sparsity::sparsity_curve;
pub use thumbnails::thumbnail_map;
pub use tile::Tile;
pub use unit_bars::unit_bars;
