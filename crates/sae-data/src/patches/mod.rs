//! Square patches cut at random places from grey pictures: PNG files, or pictures of the project's
//! own drawing.

mod leaves;

use std::path::{Path, PathBuf};

use rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::random::below;
use crate::{DataError, Dataset, ImageShape, Samples, Stream, stream};

pub use leaves::dead_leaves;

/// A grey picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Height and width.
    pub shape: ImageShape,
    /// Its pixels, row by row.
    pub pixels: Vec<u8>,
}

/// Where patches are cut from, and how many. Keys and defaults are listed in `docs/config.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PatchesConfig {
    /// Height and width of a patch in pixels.
    pub size: usize,
    /// Number of training patches.
    pub train: usize,
    /// Number of test patches.
    pub test: usize,
    /// PNG files to cut from; none: pictures are drawn.
    pub pictures: Vec<PathBuf>,
    /// Number of pictures that are drawn for training and again for testing.
    pub drawn: usize,
    /// Height and width of a drawn picture in pixels.
    pub drawn_size: usize,
}

impl Default for PatchesConfig {
    fn default() -> Self {
        Self {
            size: 8,
            train: 10_000,
            test: 1_000,
            pictures: Vec::new(),
            drawn: 10,
            drawn_size: 512,
        }
    }
}

/// Which patches are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchSet {
    /// Those to train on.
    Train,
    /// Those to evaluate on: from pictures drawn anew, but from the same files.
    Test,
}

impl PatchesConfig {
    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// Names the first one outside its range.
    pub fn check(&self) -> Result<(), DataError> {
        let at_least = |name, value: usize, least: usize| {
            if value >= least {
                return Ok(());
            }
            Err(DataError::Setting {
                name,
                found: value.to_string(),
                expected: format!("at least {least}"),
            })
        };
        at_least("size", self.size, 1)?;
        at_least("train", self.train, 1)?;
        at_least("test", self.test, 1)?;
        if self.pictures.is_empty() {
            at_least("drawn", self.drawn, 1)?;
            at_least("drawn_size", self.drawn_size, self.size)?;
        }
        Ok(())
    }

    /// Cuts the patches of a set; the same seed gives the same patches. They have no labels.
    ///
    /// # Errors
    ///
    /// As [`PatchesConfig::check`]; refuses files that are no PNG, and pictures smaller than a
    /// patch.
    pub fn cut(&self, set: PatchSet, seed: u64) -> Result<Dataset, DataError> {
        self.check()?;
        let (count, purpose) = match set {
            PatchSet::Train => (self.train, Stream::PatchesTrain),
            PatchSet::Test => (self.test, Stream::PatchesTest),
        };
        let mut rng = stream(seed, purpose);
        let pictures = self.pictures(&mut rng)?;
        let mut values = Vec::with_capacity(count * self.size * self.size);
        for _ in 0..count {
            let picture = &pictures[below(&mut rng, pictures.len())];
            let top = below(&mut rng, picture.shape.height - self.size + 1);
            let left = below(&mut rng, picture.shape.width - self.size + 1);
            for row in top..top + self.size {
                let first = row * picture.shape.width + left;
                values.extend_from_slice(&picture.pixels[first..first + self.size]);
            }
        }
        Ok(Dataset {
            samples: Samples::Bytes {
                width: self.size * self.size,
                values,
            },
            labels: None,
            image: ImageShape {
                height: self.size,
                width: self.size,
            },
        })
    }

    fn pictures(&self, rng: &mut impl Rng) -> Result<Vec<Picture>, DataError> {
        if self.pictures.is_empty() {
            let draw = |_| dead_leaves(self.drawn_size, rng);
            return Ok((0..self.drawn).map(draw).collect());
        }
        self.pictures
            .iter()
            .map(|path| {
                let picture = read_png(path)?;
                let ImageShape { height, width } = picture.shape;
                if height.min(width) >= self.size {
                    return Ok(picture);
                }
                Err(DataError::Format {
                    path: path.clone(),
                    found: format!("a picture of {width} x {height} pixels"),
                    expected: format!("at least {size} x {size}, one patch", size = self.size),
                })
            })
            .collect()
    }
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
    let wrong = |error: png::DecodingError| DataError::Format {
        path: path.to_owned(),
        found: error.to_string(),
        expected: "a PNG picture".to_owned(),
    };
    let mut decoder = png::Decoder::new(std::io::BufReader::new(file));
    // Palettes are looked up and every channel becomes a byte.
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(wrong)?;
    let size = reader.output_buffer_size().unwrap_or(0);
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
        shape: ImageShape {
            height: info.height as usize,
            width: info.width as usize,
        },
        pixels: pixels.map(grey).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_png(path: &Path, width: u32, height: u32, colour: png::ColorType, bytes: &[u8]) {
        let mut file = png::Encoder::new(std::fs::File::create(path).unwrap(), width, height);
        file.set_color(colour);
        file.set_depth(png::BitDepth::Eight);
        let mut writer = file.write_header().unwrap();
        writer.write_image_data(bytes).unwrap();
    }

    /// Every patch of a picture whose pixels are numbered is a run of rows of that picture.
    #[test]
    fn patches_are_cut_from_the_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbered.png");
        let pixels: Vec<u8> = (0..60).collect();
        write_png(&path, 10, 6, png::ColorType::Grayscale, &pixels);
        let config = PatchesConfig {
            size: 3,
            train: 400,
            pictures: vec![path],
            ..PatchesConfig::default()
        };
        let set = config.cut(PatchSet::Train, 1).unwrap();
        assert_eq!((set.rows(), set.samples.width()), (400, 9));
        assert!(set.labels.is_none());
        let Samples::Bytes { values, .. } = &set.samples else {
            panic!("patches are bytes");
        };
        let mut seen = std::collections::HashSet::new();
        for patch in values.chunks(9) {
            let first = patch[0];
            seen.insert(first);
            let expected: Vec<u8> = [0, 1, 2, 10, 11, 12, 20, 21, 22]
                .iter()
                .map(|offset| first + offset)
                .collect();
            assert_eq!(patch, expected);
        }
        // 8 x 4 places, each of which is cut sooner or later.
        assert_eq!(seen.len(), 32);
        assert_eq!(config.cut(PatchSet::Train, 1).unwrap(), set);
        assert_ne!(config.cut(PatchSet::Train, 2).unwrap(), set);
        assert_ne!(config.cut(PatchSet::Test, 1).unwrap().samples, set.samples);
    }

    /// Luma of pure colours after BT.601: 0.299, 0.587 and 0.114 of 255, rounded.
    #[test]
    fn colours_become_their_luma() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("colours.png");
        let pixels = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
        write_png(&path, 4, 1, png::ColorType::Rgb, &pixels);
        let picture = read_png(&path).unwrap();
        assert_eq!(picture.pixels, [76, 150, 29, 255]);
    }

    #[test]
    fn wrong_pictures_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.png");
        let cut = |path: &Path| {
            let config = PatchesConfig {
                pictures: vec![path.to_owned()],
                ..PatchesConfig::default()
            };
            config.cut(PatchSet::Train, 1).unwrap_err().to_string()
        };
        write_png(&path, 4, 9, png::ColorType::Grayscale, &[0; 36]);
        let found = cut(&path);
        assert!(found.ends_with("a picture of 4 x 9 pixels; expected at least 8 x 8, one patch"));
        std::fs::write(&path, b"no picture").unwrap();
        assert!(cut(&path).contains("expected a PNG picture"));
        assert!(cut(&folder.path().join("none.png")).contains("cannot be read"));
    }

    /// Photographs have a power spectrum near 1/f². For a picture whose spectrum is A/f² from the
    /// lowest frequency on, averaging 2 x 2 pixels keeps nearly all of the variance; for white
    /// noise it keeps a quarter.
    #[test]
    fn drawn_pictures_have_structure_at_every_scale() {
        let mut rng = stream(1, Stream::PatchesTrain);
        let picture = dead_leaves(128, &mut rng);
        let variance = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64
        };
        let mut pixels: Vec<f64> = picture.pixels.iter().map(|&v| f64::from(v)).collect();
        let mut size = 128;
        for _ in 0..3 {
            let before = variance(&pixels);
            let at = |row: usize, column: usize| pixels[row * size + column];
            let cell = |i: usize| {
                let (row, column) = (i / (size / 2) * 2, i % (size / 2) * 2);
                let sum = at(row, column) + at(row, column + 1);
                (sum + at(row + 1, column) + at(row + 1, column + 1)) / 4.0
            };
            pixels = (0..size * size / 4).map(cell).collect();
            size /= 2;
            let kept = variance(&pixels) / before;
            assert!((0.6..1.0).contains(&kept), "{size}: {kept}");
        }
    }
}
