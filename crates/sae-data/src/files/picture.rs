//! One picture: decoded within limits, before black, and brought to size.

use std::fs;
use std::io::BufReader;
use std::path::Path;

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};

use crate::DataError;
use crate::message::shown;

/// Most pixels along a side.
pub(super) const MOST_SIDE: usize = 16_384;
/// Most bytes that one picture may take while it is unpacked.
const MOST_BYTES: u64 = 1 << 30;

/// A picture as it looks before black, and whether its values have more than eight bits.
///
/// # Errors
///
/// Refuses files that are no pictures, damaged, or too large.
pub(crate) fn open_picture(path: &Path) -> Result<(DynamicImage, bool), DataError> {
    let picture = reader(path)?
        .decode()
        .map_err(|error| damaged(path, &error))?;
    let colour = picture.color();
    let is_deep = colour.bytes_per_pixel() > colour.channel_count();
    Ok((opaque(picture), is_deep))
}

/// Height and width of a picture, of which no more is read.
pub(super) fn size_of_picture(path: &Path) -> Result<[usize; 2], DataError> {
    let size = reader(path)?.into_dimensions();
    let (width, height) = size.map_err(|error| damaged(path, &error))?;
    Ok([height as usize, width as usize])
}

/// A picture with limits on what it may ask for.
fn reader(path: &Path) -> Result<ImageReader<BufReader<fs::File>>, DataError> {
    let wrong = |source| DataError::unreadable(path, source);
    let reader = ImageReader::open(path).map_err(wrong)?;
    // By what it holds, whatever its name says.
    let mut reader = reader.with_guessed_format().map_err(wrong)?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) =
        (Some(MOST_SIDE as u32), Some(MOST_SIDE as u32));
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    Ok(reader)
}

fn damaged(path: &Path, error: &image::ImageError) -> DataError {
    let expected = format!("a picture of at most {MOST_SIDE} x {MOST_SIDE} pixels");
    DataError::format(path, shown(&error.to_string()), expected)
}

/// The picture as it looks before black.
fn opaque(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture;
    }
    let mut pixels = picture.into_rgba16();
    for pixel in pixels.pixels_mut() {
        let alpha = u64::from(pixel.0[3]);
        for value in &mut pixel.0[..3] {
            *value = ((u64::from(*value) * alpha + 32_767) / 65_535) as u16;
        }
        pixel.0[3] = u16::MAX;
    }
    DynamicImage::ImageRgba16(pixels)
}

/// A cut from the middle with the proportions that are wanted, brought to size.
pub(super) fn fit(picture: &DynamicImage, height: u32, width: u32) -> DynamicImage {
    let (all_width, all_height) = (u64::from(picture.width()), u64::from(picture.height()));
    let (w, h) = (u64::from(width), u64::from(height));
    let (cut_width, cut_height) = match all_width * h > all_height * w {
        true => ((all_height * w / h).max(1), all_height),
        false => (all_width, (all_width * h / w).max(1)),
    };
    let (x, y) = ((all_width - cut_width) / 2, (all_height - cut_height) / 2);
    let cut = picture.crop_imm(x as u32, y as u32, cut_width as u32, cut_height as u32);
    cut.resize_exact(width, height, FilterType::Triangle)
}
