//! Images as they are: reconstructions, interpolations, contact sheets.

use crate::grid::{self, Columns};
use crate::tile::{Tile, grey};
use crate::{ReportError, png_file};

/// Originals above, reconstructions below, as a PNG of up to ten columns.
///
/// # Shapes
///
/// - originals, reconstructed: `[image, height · width · channels]`, values in [0, 1]
///
/// # Errors
///
/// Refuses values that are not whole images or not finite, or different numbers of them.
pub fn reconstructions(
    tile: Tile,
    originals: &[f32],
    reconstructed: &[f32],
) -> Result<Vec<u8>, ReportError> {
    const PICTURE: &str = "reconstructions";
    const COLUMNS: usize = 10;
    let images = tile.images(PICTURE, originals.len())?;
    if reconstructed.len() != originals.len() {
        return Err(tile.misfit(PICTURE, reconstructed.len()));
    }
    for (name, values) in [("original", originals), ("reconstruction", reconstructed)] {
        tile.check_pixels(PICTURE, name, values)?;
    }
    let columns = images.min(COLUMNS);
    let strip = columns * tile.area();
    let mut tiles = Vec::new();
    for (above, below) in originals.chunks(strip).zip(reconstructed.chunks(strip)) {
        for values in [above, below] {
            let missing = columns - values.len() / tile.area();
            tiles.extend(values.chunks(tile.area()).map(grey));
            tiles.extend(std::iter::repeat_n(vec![0; tile.area()], missing));
        }
    }
    let (size, pixels) = grid::draw(tile, Columns::even(columns), &tiles);
    let description = "Originals above, their reconstructions below; black is 0, white is 1.";
    png_file::encode(PICTURE, size, tile.channels, &pixels, description)
}

/// Images side by side as a PNG, the grid as square as possible.
///
/// # Shapes
///
/// - images: `[image, height · width · channels]`, values in [0, 1]
///
/// # Errors
///
/// Refuses values that are not whole images or not finite.
pub fn contact_sheet(tile: Tile, images: &[f32]) -> Result<Vec<u8>, ReportError> {
    const PICTURE: &str = "contact sheet";
    let count = tile.images(PICTURE, images.len())?;
    tile.check_pixels(PICTURE, "image", images)?;
    let tiles: Vec<Vec<u8>> = images.chunks(tile.area()).map(grey).collect();
    let (columns, _) = grid::square(count);
    let (size, pixels) = grid::draw(tile, Columns::even(columns), &tiles);
    png_file::encode(
        PICTURE,
        size,
        tile.channels,
        &pixels,
        "Images; black is 0, white is 1.",
    )
}

/// Rows of images, one below the other, as a PNG: interpolations, for example.
///
/// # Shapes
///
/// - images: `[row, column, height · width · channels]`, values in [0, 1], with `columns` columns
///
/// # Errors
///
/// Refuses values that are not whole rows of images or not finite.
pub fn strip(tile: Tile, images: &[f32], columns: usize) -> Result<Vec<u8>, ReportError> {
    const PICTURE: &str = "strip";
    let count = tile.images(PICTURE, images.len())?;
    if columns == 0 || !count.is_multiple_of(columns) {
        return Err(tile.misfit(PICTURE, images.len()));
    }
    tile.check_pixels(PICTURE, "image", images)?;
    let tiles: Vec<Vec<u8>> = images.chunks(tile.area()).map(grey).collect();
    let (size, pixels) = grid::draw(tile, Columns::even(columns), &tiles);
    let description = "Rows of images; black is 0, white is 1.";
    png_file::encode(PICTURE, size, tile.channels, &pixels, description)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::png_file::tests::Decoded;

    #[test]
    fn rows_of_a_strip_lie_below_each_other() {
        let tile = Tile::grey(1, 1);
        let images = [0.0, 0.2, 1.0, 0.4, 0.6, 0.8];
        let picture = Decoded::of(&strip(tile, &images, 3).unwrap());
        assert_eq!(picture.row(7, 1), [64, 0, 64, 51, 64, 255, 64]);
        assert_eq!(picture.row(7, 3), [64, 102, 64, 153, 64, 204, 64]);
        assert!(strip(tile, &images, 4).is_err() && strip(tile, &images, 0).is_err());
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let tile = Tile::grey(2, 2);
        let message = contact_sheet(tile, &[0.0; 5]).unwrap_err().to_string();
        assert!(
            message.contains("5 values are not images of 2 x 2"),
            "{message}"
        );
        assert!(contact_sheet(tile, &[]).is_err());
        assert!(reconstructions(tile, &[0.0; 8], &[0.0; 4]).is_err());
        assert!(reconstructions(tile, &[0.0; 44], &[0.0; 44]).is_ok());
    }

    #[test]
    fn values_that_are_not_finite_are_named() {
        let tile = Tile::grey(1, 2);
        let images = [0.0, 0.0, f32::INFINITY, 0.0];
        let message = reconstructions(tile, &[0.0; 4], &images).unwrap_err();
        assert!(
            message
                .to_string()
                .contains("pixel 0 of reconstruction 1 (counted from 0) is inf")
        );
        assert!(contact_sheet(tile, &images).is_err());
    }
}
