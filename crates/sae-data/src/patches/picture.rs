//! A picture, and how to read one.

use std::path::Path;

use crate::{DataError, ImageShape, memory};

/// A grey picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Height and width.
    pub shape: ImageShape,
    /// Its pixels, row by row.
    pub pixels: Vec<u8>,
}

/// Reads a PNG file of any colour type as grey: luma after ITU-R BT.601, transparency ignored.
///
/// # Errors
///
/// Refuses files that cannot be read or are no PNG.
pub fn read_png(path: &Path) -> Result<Picture, DataError> {
    let file = std::fs::File::open(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })?;
    let wrong =
        |error: png::DecodingError| DataError::format(path, error.to_string(), "a PNG picture");
    let mut decoder = png::Decoder::new(std::io::BufReader::new(file));
    // Palettes are looked up and every channel becomes a byte.
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(wrong)?;
    let size = reader.output_buffer_size();
    let Some(size) = size.filter(|&size| size as u128 <= memory::available()) else {
        let (width, height) = reader.info().size();
        let found = format!("announces {width} x {height} pixels");
        return Err(DataError::format(
            path,
            found,
            "a picture that fits in memory",
        ));
    };
    let mut bytes = vec![0; size];
    let info = reader.next_frame(&mut bytes).map_err(wrong)?;
    let grey = |pixel: &[u8]| match pixel {
        [r, g, b, ..] => {
            let (r, g, b) = (u32::from(*r), u32::from(*g), u32::from(*b));
            ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
        }
        _ => pixel[0],
    };
    let channels = info.color_type.samples();
    let pixels = bytes[..info.buffer_size()].chunks(channels);
    Ok(Picture {
        shape: ImageShape::grey(info.height as usize, info.width as usize),
        pixels: pixels.map(grey).collect(),
    })
}
