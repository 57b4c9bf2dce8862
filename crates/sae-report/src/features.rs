//! What hidden units look for, as tiles.

use crate::grid::{self, Columns};
use crate::tile::{Tile, check_finite, grey};
use crate::{ReportError, png_file};

/// What is white in a tile (black where negative); 0 is middle grey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileScale {
    /// The largest magnitude of each tile: shows the form of every unit.
    Each,
    /// The largest magnitude of all tiles: shows which units are strong.
    All,
}

impl TileScale {
    /// How tiles become grey levels, in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Each => {
                "Each tile is the input of unit norm that activates one hidden unit most. Grey is \
                 0; the largest magnitude of each tile is white where positive, black where \
                 negative."
            }
            Self::All => {
                "Each tile is the input of unit norm that activates one hidden unit most. Grey is \
                 0; the largest magnitude of all tiles is white where positive, black where \
                 negative."
            }
        }
    }

    /// The tiles of directions, `[unit, input]`.
    fn tiles(self, tile: Tile, directions: &[f64]) -> Vec<Vec<u8>> {
        let all = largest(directions);
        let divisor = |direction: &[f64]| match self {
            Self::Each => largest(direction),
            Self::All => all,
        };
        let units = directions.chunks(tile.area());
        units.map(|d| signed_grey(d, divisor(d))).collect()
    }
}

/// One tile per hidden unit as a PNG, the grid as square as possible; a colour tile is signed in
/// each of its channels. The PNG's description says what is black, grey and white.
///
/// # Shapes
///
/// - directions: `[unit, input]`, row by row; an input is an image of `tile`'s size. For the first
///   layer these are the columns of W1, as they are or divided by their norms; the second differs
///   from the first with [`TileScale::All`] only
///
/// # Errors
///
/// Refuses directions that are not whole images or not finite.
pub fn feature_tiles(
    tile: Tile,
    directions: &[f64],
    scale: TileScale,
) -> Result<Vec<u8>, ReportError> {
    const PICTURE: &str = "feature tiles";
    let units = checked_units(PICTURE, tile, directions)?;
    let (columns, _) = grid::square(units);
    let tiles = scale.tiles(tile, directions);
    let (size, pixels) = grid::draw(tile, Columns::even(columns), &tiles);
    png_file::encode(PICTURE, size, tile.channels, &pixels, scale.describe())
}

/// One tile alone as a small PNG, a pixel per pixel, as [`feature_tiles`] shades it.
///
/// # Errors
///
/// As [`feature_tiles`], of a single unit.
pub fn tile_picture(tile: Tile, direction: &[f64]) -> Result<Vec<u8>, ReportError> {
    const PICTURE: &str = "feature tile";
    checked_units(PICTURE, tile, direction)?;
    let scale = TileScale::Each;
    let pixels = scale.tiles(tile, direction).concat();
    let (size, channels) = ((tile.width, tile.height), tile.channels);
    png_file::encode(PICTURE, size, channels, &pixels, scale.describe())
}

/// For each hidden unit its tile, as [`feature_tiles`] draws it, and to the right of it the samples
/// that activate it most; one or several units side by side, as a PNG.
///
/// # Shapes
///
/// - directions: `[unit, input]`, row by row
/// - samples: `[unit, n, input]`, values in [0, 1]: `n` samples per unit, the most active first
///
/// # Errors
///
/// Refuses directions and samples that are not whole images or not finite, and other numbers of
/// samples than `n` per unit.
pub fn features_beside_samples(
    tile: Tile,
    directions: &[f64],
    scale: TileScale,
    samples: &[f32],
    n: usize,
) -> Result<Vec<u8>, ReportError> {
    const PICTURE: &str = "features beside samples";
    let units = checked_units(PICTURE, tile, directions)?;
    if samples.len() != units * n * tile.area() {
        return Err(tile.misfit(PICTURE, samples.len()));
    }
    tile.check_pixels(PICTURE, "sample", samples)?;
    let mut samples = samples.chunks(tile.area());
    let mut tiles = Vec::with_capacity(units * (n + 1));
    for direction in scale.tiles(tile, directions) {
        tiles.push(direction);
        tiles.extend(samples.by_ref().take(n).map(grey));
    }
    let (size, pixels) = grid::draw(tile, Columns::grouped(tile, n + 1, units), &tiles);
    let description = format!(
        "{} Right of each tile the samples that activate the unit most; black is 0, white is 1.",
        scale.describe()
    );
    png_file::encode(PICTURE, size, tile.channels, &pixels, &description)
}

/// The number of units of directions, `[unit, input]`, that can be drawn.
fn checked_units(
    picture: &'static str,
    tile: Tile,
    directions: &[f64],
) -> Result<usize, ReportError> {
    let units = tile.images(picture, directions.len())?;
    check_finite(picture, directions, |index| {
        let (unit, input) = (index / tile.area(), index % tile.area());
        format!("the weight of input {input} to hidden unit {unit} (counted from 0)")
    })?;
    Ok(units)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0f64, |m, v| m.max(v.abs()))
}

/// Zero is 128, `divisor` 255 (white), its negative 1 (black).
fn signed_grey(values: &[f64], divisor: f64) -> Vec<u8> {
    let divisor = if divisor > 0.0 { divisor } else { 1.0 };
    let level = |v: &f64| (128.0 + 127.0 * (v / divisor)).round() as u8;
    values.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::png_file::tests::Decoded;

    #[test]
    fn grey_levels_are_symmetric_about_zero() {
        let grey = |values: &[f64]| signed_grey(values, largest(values));
        assert_eq!(grey(&[-0.8, 0.0, 0.4, 0.8]), [1, 128, 192, 255]);
        assert_eq!(grey(&[0.0, 0.0]), [128, 128]);
        for scale in [1e300, 1e-300, f64::MIN_POSITIVE] {
            assert_eq!(grey(&[scale, -0.5 * scale]), [255, 65]);
        }
    }

    /// Decoded again, a unit's tile holds its row of the directions.
    #[test]
    fn tiles_show_the_directions_as_the_description_says() {
        let tile = Tile::grey(1, 2);
        let directions = [2.0, 0.0, 0.0, -1.0];
        let each = Decoded::of(&feature_tiles(tile, &directions, TileScale::Each).unwrap());
        assert_eq!(each.row(7, 1), [64, 255, 128, 64, 128, 1, 64]);
        assert!(each.description.contains("of each tile is white"));
        let all = Decoded::of(&feature_tiles(tile, &directions, TileScale::All).unwrap());
        assert_eq!(all.row(7, 1), [64, 255, 128, 64, 128, 65, 64]);
        assert!(all.description.contains("of all tiles is white"));
    }

    #[test]
    fn colour_tiles_are_signed_in_each_channel() {
        let tile = Tile {
            channels: 3,
            ..Tile::grey(1, 1)
        };
        let png = feature_tiles(tile, &[1.0, 0.0, -1.0], TileScale::Each).unwrap();
        let picture = Decoded::of(&png);
        let middle = picture.row(3, 1)[3..6].to_vec();
        assert_eq!(middle, [255, 128, 1]);
    }

    #[test]
    fn samples_lie_right_of_their_unit() {
        let tile = Tile::grey(1, 1);
        let samples = [0.0, 1.0, 0.2, 0.4];
        let png = features_beside_samples(tile, &[1.0, -3.0], TileScale::Each, &samples, 2);
        let picture = Decoded::of(&png.unwrap());
        assert_eq!(picture.row(7, 1), [64, 255, 64, 0, 64, 255, 64]);
        assert_eq!(picture.row(7, 3), [64, 1, 64, 51, 64, 102, 64]);
        let refused = |samples: &[f32], n| {
            features_beside_samples(tile, &[1.0, -3.0], TileScale::All, samples, n).is_err()
        };
        assert!(refused(&samples, 1) && refused(&[0.0, 1.0, f32::NAN, 0.4], 2));
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        let tile = Tile::grey(1, 2);
        let directions = [0.0, 0.0, 1.0, 0.0, 0.0, f64::NAN];
        let refused = feature_tiles(tile, &directions, TileScale::All);
        assert_eq!(
            refused.unwrap_err().to_string(),
            "feature tiles: the weight of input 1 to hidden unit 2 (counted from 0) is NaN; \
             expected finite numbers"
        );
        assert!(feature_tiles(tile, &[0.0; 3], TileScale::Each).is_err());
        assert!(feature_tiles(tile, &[], TileScale::Each).is_err());
    }
}
