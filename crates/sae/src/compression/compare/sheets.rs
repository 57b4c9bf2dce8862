//! Small images on large sheets.

use sae_data::ImageShape;

/// The longest side of a sheet in pixels, which WebP can hold.
const LONGEST: usize = 16384;

/// Where images lie: row by row on sheets that are as square as possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    shape: ImageShape,
    /// Height and width of the place of an image: at least its own; the rest repeats its edge.
    place: (usize, usize),
}

/// Pixels of many images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sheet {
    pub height: usize,
    pub width: usize,
    pub pixels: Vec<u8>,
}

impl Layout {
    /// Images side by side; nothing where one is larger than a sheet.
    pub fn tight(shape: ImageShape) -> Option<Self> {
        let place = (shape.height, shape.width);
        (shape.height.max(shape.width) <= LONGEST).then_some(Self { shape, place })
    }

    /// Images whose places are whole blocks of 8 x 8 pixels, as JPEG has them; nothing where they are so
    /// already, or where that takes more than twice the pixels.
    pub fn in_blocks(shape: ImageShape) -> Option<Self> {
        let place = (
            shape.height.next_multiple_of(8),
            shape.width.next_multiple_of(8),
        );
        let pixels = shape.height * shape.width;
        let larger = pixels + 1..=2 * pixels;
        let fits = larger.contains(&(place.0 * place.1)) && place.0.max(place.1) <= LONGEST;
        fits.then_some(Self { shape, place })
    }

    /// Images of a sheet, in columns and rows.
    fn grid(self, images: usize) -> (usize, usize) {
        let most = (LONGEST / self.place.1, LONGEST / self.place.0);
        let images = images.min(most.0 * most.1).max(1);
        let ratio = self.place.0 as f64 / self.place.1 as f64;
        let columns = ((images as f64 * ratio).sqrt().ceil() as usize).clamp(1, most.0);
        let columns = columns.max(images.div_ceil(most.1));
        (columns, images.div_ceil(columns))
    }

    /// How many of `images` images the first sheet holds.
    pub fn images_of_a_sheet(self, images: usize) -> usize {
        let (columns, rows) = self.grid(images);
        (columns * rows).min(images)
    }

    /// A sheet of images, one after the other.
    pub fn sheet(self, images: &[u8]) -> Sheet {
        let ImageShape {
            height,
            width,
            channels,
        } = self.shape;
        let size = self.shape.values();
        let (columns, rows) = self.grid(images.len() / size);
        let (tall, wide) = (rows * self.place.0, columns * self.place.1);
        let mut pixels = vec![0; tall * wide * channels];
        for (index, image) in images.chunks(size).enumerate() {
            let (top, left) = self.corner(index, columns);
            for y in 0..self.place.0 {
                let line = &image[y.min(height - 1) * width * channels..][..width * channels];
                for x in 0..self.place.1 {
                    let pixel = &line[x.min(width - 1) * channels..][..channels];
                    let at = ((top + y) * wide + left + x) * channels;
                    pixels[at..at + channels].copy_from_slice(pixel);
                }
            }
        }
        Sheet {
            height: tall,
            width: wide,
            pixels,
        }
    }

    /// The first `count` images of a sheet's pixels.
    pub fn images(self, pixels: &[u8], count: usize) -> Vec<u8> {
        let ImageShape {
            height,
            width,
            channels,
        } = self.shape;
        let (columns, _) = self.grid(count);
        let wide = columns * self.place.1;
        let mut images = Vec::with_capacity(count * self.shape.values());
        for index in 0..count {
            let (top, left) = self.corner(index, columns);
            for y in 0..height {
                let at = ((top + y) * wide + left) * channels;
                images.extend(&pixels[at..at + width * channels]);
            }
        }
        images
    }

    fn corner(self, index: usize, columns: usize) -> (usize, usize) {
        (
            index / columns * self.place.0,
            index % columns * self.place.1,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_images_by_hand() {
        let layout = Layout::tight(ImageShape::grey(1, 2)).unwrap();
        let sheet = layout.sheet(&[1, 2, 3, 4, 5, 6]);
        assert_eq!((sheet.height, sheet.width), (2, 4));
        assert_eq!(sheet.pixels, [1, 2, 3, 4, 5, 6, 0, 0]);
        assert_eq!(layout.images(&sheet.pixels, 3), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn whole_blocks_repeat_the_edge() {
        let shape = ImageShape {
            channels: 3,
            ..ImageShape::grey(7, 8)
        };
        let layout = Layout::in_blocks(shape).unwrap();
        let image: Vec<u8> = (0..168).collect();
        let sheet = layout.sheet(&image);
        assert_eq!((sheet.height, sheet.width), (8, 8));
        assert_eq!(sheet.pixels[168..], image[144..]);
        assert_eq!(layout.images(&sheet.pixels, 1), image);
        assert_eq!(Layout::in_blocks(ImageShape::grey(8, 16)), None);
        assert_eq!(Layout::in_blocks(ImageShape::grey(9, 9)), None);
    }

    #[test]
    fn no_sheet_is_too_large() {
        for shape in [
            ImageShape::grey(1, 16384),
            ImageShape::grey(5000, 3),
            ImageShape::grey(28, 28),
        ] {
            let layout = Layout::tight(shape).unwrap();
            for images in [1, 2, 17, 1000, 1_000_000] {
                let (columns, rows) = layout.grid(images);
                assert!(columns * shape.width <= LONGEST && rows * shape.height <= LONGEST);
                let held = layout.images_of_a_sheet(images);
                assert!(held >= 1 && held <= images && held <= columns * rows);
                assert_eq!(layout.grid(held), (columns, rows), "{shape:?} {images}");
            }
        }
        assert_eq!(Layout::tight(ImageShape::grey(1, 16385)), None);
    }
}
