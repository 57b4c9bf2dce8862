//! Grey PNG files.

use crate::ReportError;

/// The bytes of an 8-bit grey PNG whose text chunk says what the picture shows.
pub(crate) fn encode(
    picture: &'static str,
    (width, height): (usize, usize),
    pixels: &[u8],
    description: &str,
) -> Result<Vec<u8>, ReportError> {
    let failed = |error: png::EncodingError| ReportError::Encode {
        picture,
        reason: error.to_string(),
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .add_itxt_chunk("Description".to_owned(), description.to_owned())
        .map_err(failed)?;
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}
