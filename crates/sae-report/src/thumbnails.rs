//! Images at their places in the plane.

use crate::scatter::check_classes;
use crate::style::{AXIS, colour};
use crate::tile::{Tile, check_finite, grey};
use crate::{ReportError, grid, png_file};

const PICTURE: &str = "thumbnail map";
/// Width and height of the map in pixels.
const SIDE: usize = 1000;
/// The larger side of a thumbnail is about this long, ...
const THUMBNAIL: usize = 36;
/// ... and the frame around it this wide.
const FRAME: usize = 2;
const WHITE: u8 = 255;

/// Images at their points of a two-dimensional map, as a PNG of 1000 x 1000 pixels. An image that
/// would overlap one before it is left out; each has a frame in the colour of its class.
///
/// # Shapes
///
/// - images: `[row, height · width · channels]`, values in [0, 1]
/// - points: `[row, 2]`, x to the right and y upwards, on one scale
/// - classes: `[row]`
///
/// # Errors
///
/// Refuses values that are not whole images or not finite, and other numbers of points or classes
/// than of images.
pub fn thumbnail_map(
    tile: Tile,
    images: &[f32],
    points: &[[f64; 2]],
    classes: Option<&[usize]>,
) -> Result<Vec<u8>, ReportError> {
    let count = tile.images(PICTURE, images.len())?;
    if points.len() != count {
        return Err(ReportError::Count {
            picture: PICTURE,
            what: "points",
            found: points.len(),
            expected: count,
        });
    }
    check_classes(PICTURE, classes, count, None)?;
    tile.check_pixels(PICTURE, "image", images)?;
    check_finite(PICTURE, points.as_flattened(), |index| {
        format!(
            "the {} of point {} (counted from 0)",
            ["x", "y"][index % 2],
            index / 2
        )
    })?;
    let (thumbnail, factor) = Thumbnail::of(tile);
    let size = (thumbnail.width + 2 * FRAME, thumbnail.height + 2 * FRAME);
    let mut canvas = Canvas::default();
    let mut placed: Vec<(usize, usize)> = Vec::new();
    for (index, &corner) in corners(points, size).iter().enumerate() {
        let overlaps = |other: &(usize, usize)| {
            corner.0.abs_diff(other.0) < size.0 && corner.1.abs_diff(other.1) < size.1
        };
        if placed.iter().any(overlaps) {
            continue;
        }
        placed.push(corner);
        let frame = classes.map_or(AXIS, |classes| colour(classes[index]));
        canvas.fill(corner, size, [frame.0, frame.1, frame.2]);
        let image = &images[index * tile.area()..][..tile.area()];
        let pixels = factor.apply(tile, image);
        canvas.paste(
            (corner.0 + FRAME, corner.1 + FRAME),
            thumbnail.width,
            &pixels,
        );
    }
    let description = format!(
        "{} of {count} images at their points of a two-dimensional map; the others would overlap \
         them.",
        placed.len()
    );
    png_file::encode(PICTURE, (SIDE, SIDE), 3, &canvas.0, &description)
}

/// Size of an image on the map, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Thumbnail {
    width: usize,
    height: usize,
}

/// How an image becomes a thumbnail.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Factor {
    /// Every pixel is drawn this many times in each direction.
    Enlarge(usize),
    /// Squares of this many pixels in each direction become their mean.
    Shrink(usize),
}

impl Thumbnail {
    fn of(tile: Tile) -> (Self, Factor) {
        let longer = tile.width.max(tile.height);
        if longer <= THUMBNAIL {
            let factor = THUMBNAIL / longer;
            let (width, height) = (tile.width * factor, tile.height * factor);
            return (Self { width, height }, Factor::Enlarge(factor));
        }
        let factor = longer.div_ceil(THUMBNAIL);
        let (width, height) = (tile.width.div_ceil(factor), tile.height.div_ceil(factor));
        (Self { width, height }, Factor::Shrink(factor))
    }
}

impl Factor {
    /// The pixels of an image's thumbnail, red, green and blue.
    fn apply(self, tile: Tile, image: &[f32]) -> Vec<u8> {
        let coloured = |levels: Vec<u8>| -> Vec<u8> {
            let pixels = levels.chunks(tile.channels);
            pixels
                .flat_map(|pixel| [0, 1, 2].map(|c| pixel[c % tile.channels]))
                .collect()
        };
        match self {
            Self::Enlarge(factor) => grid::enlarge(&coloured(grey(image)), tile.width, 3, factor),
            Self::Shrink(factor) => coloured(grey(&shrunk(tile, image, factor))),
        }
    }
}

/// The means of squares of `factor` · `factor` pixels, and of what is left of them at the edges.
fn shrunk(tile: Tile, image: &[f32], factor: usize) -> Vec<f32> {
    let (width, channels) = (tile.width.div_ceil(factor), tile.channels);
    let mut sums = vec![(0.0f32, 0.0f32); tile.height.div_ceil(factor) * width * channels];
    for (index, value) in image.iter().enumerate() {
        let (pixel, channel) = (index / channels, index % channels);
        let (row, column) = (pixel / tile.width / factor, pixel % tile.width / factor);
        let (sum, count) = &mut sums[(row * width + column) * channels + channel];
        *sum += value.clamp(0.0, 1.0);
        *count += 1.0;
    }
    sums.iter().map(|(sum, count)| sum / count).collect()
}

/// The upper left corners of thumbnails of a size, in pixels: points on one scale, in the middle.
fn corners(points: &[[f64; 2]], (width, height): (usize, usize)) -> Vec<(usize, usize)> {
    // Halved, since the range of extreme values is beyond that of `f64`.
    let halves = |axis: usize| points.iter().map(move |point| point[axis] / 2.0);
    let range = |axis: usize| {
        let low = halves(axis).fold(f64::INFINITY, f64::min);
        (low, halves(axis).fold(f64::NEG_INFINITY, f64::max))
    };
    let (x, y) = (range(0), range(1));
    let span = (x.1 - x.0).max(y.1 - y.0).max(f64::MIN_POSITIVE);
    let place = |value: f64, (low, high): (f64, f64), side: usize| {
        let free = (SIDE - side) as f64;
        let unused = (1.0 - (high - low) / span) / 2.0;
        (((value / 2.0 - low) / span + unused) * free).round() as usize
    };
    let corner = |&[a, b]: &[f64; 2]| (place(a, x, width), SIDE - height - place(b, y, height));
    points.iter().map(corner).collect()
}

/// The pixels of the map, red, green and blue.
struct Canvas(Vec<u8>);

impl Default for Canvas {
    fn default() -> Self {
        Self(vec![WHITE; SIDE * SIDE * 3])
    }
}

impl Canvas {
    fn fill(&mut self, corner: (usize, usize), (width, height): (usize, usize), colour: [u8; 3]) {
        self.paste(corner, width, &colour.repeat(width * height));
    }

    fn paste(&mut self, (left, top): (usize, usize), width: usize, pixels: &[u8]) {
        for (row, line) in pixels.chunks(width * 3).enumerate() {
            let start = ((top + row) * SIDE + left) * 3;
            self.0[start..start + line.len()].copy_from_slice(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::png_file::tests::Decoded;

    fn at(picture: &Decoded, x: usize, y: usize) -> [u8; 3] {
        let start = (y * SIDE + x) * 3;
        picture.pixels[start..start + 3].try_into().unwrap()
    }

    /// Four corners of a square, the last of them taken; black images but for the second.
    #[test]
    fn images_lie_at_their_points_and_do_not_overlap() {
        let tile = Tile::grey(2, 2);
        let mut images = vec![0.0; 5 * 4];
        images[4..8].fill(0.6);
        let points = [
            [-1.0, -1.0],
            [1.0, -1.0],
            [-1.0, 1.0],
            [1.0, 1.0],
            [1.0, 0.99],
        ];
        let classes = [0, 1, 0, 0, 0];
        let png = thumbnail_map(tile, &images, &points, Some(&classes)).unwrap();
        let picture = Decoded::of(&png);
        assert!(picture.description.starts_with("4 of 5 images"));
        assert_eq!(at(&picture, 500, 500), [255; 3]);
        // The lower left corner: a frame of the first colour, then black.
        assert_eq!(at(&picture, 0, 999), [0x00, 0x72, 0xB2]);
        assert_eq!(at(&picture, 5, 990), [0; 3]);
        // The lower right corner: the second colour, then grey.
        assert_eq!(at(&picture, 999, 999), [0xD5, 0x5E, 0x00]);
        assert_eq!(at(&picture, 990, 990), [153; 3]);
        assert_eq!(at(&picture, 990, 10), [0; 3]);
    }

    #[test]
    fn large_images_shrink_to_means() {
        let tile = Tile::grey(2, 3);
        assert_eq!(shrunk(tile, &[0.0, 0.2, 1.0, 0.4, 0.6, 0.0], 2), [0.3, 0.5]);
        let (thumbnail, factor) = Thumbnail::of(Tile::grey(100, 200));
        assert_eq!((thumbnail.width, thumbnail.height), (34, 17));
        assert_eq!(factor, Factor::Shrink(6));
        let png = thumbnail_map(Tile::grey(100, 200), &[1.0; 20_000], &[[3.0, 4.0]], None);
        let picture = Decoded::of(&png.unwrap());
        assert_eq!(at(&picture, 500, 500), [255; 3]);
        assert_eq!(at(&picture, 500, 500 - 10), [AXIS.0, AXIS.1, AXIS.2]);
    }

    #[test]
    fn colours_are_kept_and_extremes_are_placed() {
        let tile = Tile {
            channels: 3,
            ..Tile::grey(1, 1)
        };
        for extreme in [f64::MAX, f64::MIN_POSITIVE, 5e-324] {
            let points = [[-extreme, 0.0], [extreme, 0.0]];
            let images = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
            let png = thumbnail_map(tile, &images, &points, None).unwrap();
            let picture = Decoded::of(&png);
            assert!(
                picture.pixels.chunks(3).any(|p| p == [255, 0, 0]),
                "{extreme}"
            );
        }
        assert!(thumbnail_map(tile, &[0.0; 3], &[], None).is_err());
        assert!(thumbnail_map(tile, &[0.0; 3], &[[0.0; 2]], Some(&[])).is_err());
        assert!(thumbnail_map(tile, &[0.0; 3], &[[f64::NAN, 0.0]], None).is_err());
    }
}
