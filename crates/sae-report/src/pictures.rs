//! The pictures of a run.

use crate::tile::{Tile, check_finite};
use crate::{ReportError, grid, png_file};

/// How [`feature_tiles`] turns weights into grey levels, in words.
const TILES_NORMALISATION: &str = "Each tile is the input of unit norm that activates one hidden \
    unit most, W1[:, j] / |W1[:, j]|. Grey is 0; the largest magnitude of each tile is white where \
    positive, black where negative.";

/// For each hidden unit of a first-layer encoder the input of unit norm that activates it most,
/// `W1[:, j] / ‖W1[:, j]‖`, as one tile of a PNG; the grid is as square as possible.
///
/// Middle grey is 0, and each tile is scaled by its own largest magnitude; the PNG's description
/// says so.
///
/// # Shapes
///
/// - weight: W1, `[input, hidden]`, row by row; an input is an image of `tile`'s size
///
/// # Errors
///
/// Refuses weights whose inputs are not such images, or that are not finite.
pub fn feature_tiles(tile: Tile, weight: &[f64], hidden: usize) -> Result<Vec<u8>, ReportError> {
    const PICTURE: &str = "feature tiles";
    let images = tile.images(PICTURE, weight.len())?;
    if images != hidden {
        return Err(ReportError::Shape {
            picture: PICTURE,
            found: weight.len().checked_div(hidden).unwrap_or(0),
            height: tile.height,
            width: tile.width,
        });
    }
    check_finite(PICTURE, weight, |index| {
        let (input, unit) = (index / hidden, index % hidden);
        format!("the weight of input {input} to hidden unit {unit} (counted from 0)")
    })?;
    let column =
        |j: usize| -> Vec<f64> { weight.iter().skip(j).step_by(hidden).copied().collect() };
    // Each tile is scaled by its own largest magnitude: dividing by the norm first changes nothing.
    let tiles: Vec<Vec<u8>> = (0..hidden).map(|j| signed_grey(&column(j))).collect();
    let (columns, _) = grid::square(hidden);
    let (size, pixels) = grid::draw(tile, columns, &tiles);
    png_file::encode(PICTURE, size, tile.channels, &pixels, TILES_NORMALISATION)
}

/// Zero is 128, the largest magnitude 1 (black) or 255 (white).
fn signed_grey(values: &[f64]) -> Vec<u8> {
    let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let divisor = if largest > 0.0 { largest } else { 1.0 };
    let grey = |v: &f64| (128.0 + 127.0 * (v / divisor)).round() as u8;
    values.iter().map(grey).collect()
}

/// Values in [0, 1] as grey levels; what lies outside is clipped.
fn grey(values: &[f32]) -> Vec<u8> {
    let level = |v: &f32| (255.0 * v.clamp(0.0, 1.0)).round() as u8;
    values.iter().map(level).collect()
}

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
        return Err(ReportError::Shape {
            picture: PICTURE,
            found: reconstructed.len(),
            height: tile.height,
            width: tile.width,
        });
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
    let (size, pixels) = grid::draw(tile, columns, &tiles);
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
    let (size, pixels) = grid::draw(tile, columns, &tiles);
    png_file::encode(
        PICTURE,
        size,
        tile.channels,
        &pixels,
        "Images; black is 0, white is 1.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_levels_are_symmetric_about_zero() {
        assert_eq!(signed_grey(&[-0.8, 0.0, 0.4, 0.8]), [1, 128, 192, 255]);
        assert_eq!(signed_grey(&[0.0, 0.0]), [128, 128]);
        for scale in [1e300, 1e-300, f64::MIN_POSITIVE] {
            assert_eq!(signed_grey(&[scale, -0.5 * scale]), [255, 65]);
        }
        assert_eq!(grey(&[-1.0, 0.0, 0.5, 1.0, 2.0]), [0, 0, 128, 255, 255]);
    }

    /// Decoded again, unit j's tile holds column j of W1.
    #[test]
    fn tiles_show_the_columns_of_the_weight() {
        let tile = Tile::grey(1, 2);
        // W1 [2, 2]: unit 0 has the column (1, 0), unit 1 the column (0, -1).
        let bytes = feature_tiles(tile, &[1.0, 0.0, 0.0, -1.0], 2).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let width = info.width as usize;
        let scale = width / 7;
        let line: Vec<u8> = (0..7).map(|c| pixels[scale * width + c * scale]).collect();
        assert_eq!(line, [64, 255, 128, 64, 128, 1, 64]);
        let text = reader.info().utf8_text[0].get_text().unwrap();
        assert!(text.contains("unit norm"), "{text}");
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
        assert!(feature_tiles(tile, &[0.0; 8], 3).is_err());
        assert!(reconstructions(tile, &[0.0; 44], &[0.0; 44]).is_ok());
    }

    #[test]
    fn values_that_are_not_finite_are_named() {
        let tile = Tile::grey(1, 2);
        let weight = [0.0, 0.0, 1.0, 0.0, 0.0, f64::NAN];
        assert_eq!(
            feature_tiles(tile, &weight, 3).unwrap_err().to_string(),
            "feature tiles: the weight of input 1 to hidden unit 2 (counted from 0) is NaN; \
             expected finite numbers"
        );
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
