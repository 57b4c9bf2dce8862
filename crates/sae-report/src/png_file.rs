//! PNG files.

use std::path::Path;

use crate::ReportError;

/// Checks that the name of a file for a picture says PNG, the one format that is written.
///
/// # Errors
///
/// Refuses every other ending, and none.
pub fn check_extension(path: &Path) -> Result<(), ReportError> {
    let extension = path.extension().map(|e| e.to_string_lossy());
    let found = match extension {
        Some(e) if e.eq_ignore_ascii_case("png") => return Ok(()),
        Some(e) => format!("the name ends in `.{e}`"),
        None => "the name has no ending".to_owned(),
    };
    Err(ReportError::Extension {
        path: path.to_owned(),
        found,
    })
}

/// The bytes of an 8-bit PNG, grey or in colour, whose text chunk says what the picture shows.
pub(crate) fn encode(
    picture: &'static str,
    (width, height): (usize, usize),
    channels: usize,
    pixels: &[u8],
    description: &str,
) -> Result<Vec<u8>, ReportError> {
    let failed = |error: png::EncodingError| ReportError::Encode {
        picture,
        reason: error.to_string(),
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(match channels {
        3 => png::ColorType::Rgb,
        _ => png::ColorType::Grayscale,
    });
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .add_itxt_chunk("Description".to_owned(), description.to_owned())
        .map_err(failed)?;
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A PNG, read again.
    pub(crate) struct Decoded {
        pub(crate) width: usize,
        pub(crate) channels: usize,
        pub(crate) pixels: Vec<u8>,
        pub(crate) description: String,
    }

    impl Decoded {
        pub(crate) fn of(png: &[u8]) -> Self {
            let decoder = png::Decoder::new(std::io::Cursor::new(png));
            let mut reader = decoder.read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let frame = reader.next_frame(&mut pixels).unwrap();
            Self {
                width: frame.width as usize,
                channels: frame.color_type.samples(),
                pixels,
                description: reader.info().utf8_text[0].get_text().unwrap(),
            }
        }

        /// The pixels of a row before enlargement, of a picture that was `width` pixels wide.
        pub(crate) fn row(&self, width: usize, row: usize) -> Vec<u8> {
            let scale = self.width / width;
            let start = row * scale * self.width * self.channels;
            let line = self.pixels[start..][..self.width * self.channels].chunks(self.channels);
            line.step_by(scale).flatten().copied().collect()
        }
    }

    #[test]
    fn only_png_is_promised() {
        let check = |name: &str| check_extension(Path::new(name));
        check("a/f.png").unwrap();
        check("f.PNG").unwrap();
        assert_eq!(
            check("f.jpg").unwrap_err().to_string(),
            "f.jpg: the name ends in `.jpg`; expected `.png`: pictures are PNG files"
        );
        assert!(check("png").is_err());
    }
}
