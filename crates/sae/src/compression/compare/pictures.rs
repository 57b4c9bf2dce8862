//! JPEG and WebP of images.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageError, ImageFormat};
use sae_data::{ImageShape, Samples};

use super::rival::{Method, Rival};
use super::sheets::{Layout, Sheet};
use crate::Error;
use crate::compression::distortion::Distortion;

/// Images that pictures can hold.
pub(super) struct Pictures<'a> {
    originals: &'a Samples,
    /// Their pixels, in 8 bits.
    pixels: Vec<u8>,
    shape: ImageShape,
    tight: Layout,
}

impl<'a> Pictures<'a> {
    /// Of rows, whose values are in 8 bits from now on.
    ///
    /// # Errors
    ///
    /// Says why there are no pictures of them.
    pub fn of(
        originals: &'a Samples,
        shape: ImageShape,
        values: &Distortion,
    ) -> Result<Self, &'static str> {
        if !values.in_unit_range() {
            return Err("values outside [0, 1] are no pixels");
        }
        let tight = Layout::tight(shape).ok_or("an image is larger than a sheet")?;
        let pixels = match originals {
            Samples::Bytes { values, .. } => values.clone(),
            other => {
                let rows: Vec<usize> = (0..other.rows()).collect();
                let byte = |value: f32| (255.0 * value).round() as u8;
                other.gather(&rows).into_iter().map(byte).collect()
            }
        };
        Ok(Self {
            originals,
            pixels,
            shape,
            tight,
        })
    }

    fn colour(&self) -> ExtendedColorType {
        match self.shape.channels {
            3 => ExtendedColorType::Rgb8,
            _ => ExtendedColorType::L8,
        }
    }

    /// All sheets of a layout, each with the number of its images.
    fn sheets(&self, layout: Layout) -> Vec<(Sheet, usize)> {
        let size = self.shape.values();
        let mut rest = &self.pixels[..];
        let mut sheets = Vec::new();
        while !rest.is_empty() {
            let count = layout.images_of_a_sheet(rest.len() / size);
            let (images, others) = rest.split_at(count * size);
            sheets.push((layout.sheet(images), count));
            rest = others;
        }
        sheets
    }

    /// How far the originals are from pixels.
    fn distortion(&self, values: Vec<u8>) -> Distortion {
        let width = self.shape.values();
        let mut distortion = Distortion::default();
        distortion.add(self.originals, &Samples::Bytes { width, values });
        distortion
    }
}

/// JPEG within `budget` bytes, of the better of two layouts: tight, or with images on whole blocks.
pub(super) fn jpeg(pictures: &Pictures<'_>, budget: u64) -> Result<Rival, Error> {
    let first = jpeg_of(pictures, pictures.tight, budget)?;
    let Some(layout) = Layout::in_blocks(pictures.shape) else {
        return Ok(first);
    };
    let second = jpeg_of(pictures, layout, budget)?;
    let fits = |rival: &Rival| rival.bytes <= budget;
    let is_better = match (fits(&first), fits(&second)) {
        (true, true) => second.distortion.mse() < first.distortion.mse(),
        (false, false) => second.bytes < first.bytes,
        (_, second) => second,
    };
    Ok(if is_better { second } else { first })
}

fn jpeg_of(pictures: &Pictures<'_>, layout: Layout, budget: u64) -> Result<Rival, Error> {
    let sheets = pictures.sheets(layout);
    let encoded = |quality| -> Result<Vec<Vec<u8>>, Error> {
        let encode = |(sheet, _): &(Sheet, usize)| encode_jpeg(sheet, quality, pictures.colour());
        sheets
            .iter()
            .map(encode)
            .collect::<Result<_, _>>()
            .map_err(failed)
    };
    let size = |files: &[Vec<u8>]| files.iter().map(|file| file.len() as u64).sum::<u64>();
    // The size grows with the quality: below `low` all fit, from `high` on none does.
    let (mut low, mut high) = (1, 101);
    while high - low > 1 {
        let middle = (low + high) / 2;
        match size(&encoded(middle)?) <= budget {
            true => low = middle,
            false => high = middle,
        }
    }
    let files = encoded(low)?;
    let mut values = Vec::with_capacity(pictures.pixels.len());
    for (file, (_, count)) in files.iter().zip(&sheets) {
        let picture = image::load_from_memory_with_format(file, ImageFormat::Jpeg);
        let picture = picture.map_err(failed)?;
        let pixels = match pictures.shape.channels {
            3 => picture.into_rgb8().into_raw(),
            _ => picture.into_luma8().into_raw(),
        };
        values.extend(layout.images(&pixels, *count));
    }
    Ok(Rival {
        method: Method::Jpeg { quality: low },
        bytes: size(&files),
        distortion: pictures.distortion(values),
    })
}

fn encode_jpeg(
    sheet: &Sheet,
    quality: u8,
    colour: ExtendedColorType,
) -> Result<Vec<u8>, ImageError> {
    let mut file = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut file, quality);
    encoder.encode(
        &sheet.pixels,
        sheet.width as u32,
        sheet.height as u32,
        colour,
    )?;
    Ok(file)
}

/// Lossless, but for the rounding to 8 bits of originals that were finer.
pub(super) fn webp(pictures: &Pictures<'_>) -> Result<Rival, Error> {
    let mut bytes = 0;
    for (sheet, _) in pictures.sheets(pictures.tight) {
        let mut file = Vec::new();
        let (width, height) = (sheet.width as u32, sheet.height as u32);
        WebPEncoder::new_lossless(&mut file)
            .encode(&sheet.pixels, width, height, pictures.colour())
            .map_err(failed)?;
        bytes += file.len() as u64;
    }
    Ok(Rival {
        method: Method::WebP,
        bytes,
        distortion: pictures.distortion(pictures.pixels.clone()),
    })
}

fn failed(error: ImageError) -> Error {
    Error::Input(format!(
        "the images cannot be compared with pictures: {error}"
    ))
}
