//! Square patches cut at random places from grey pictures: files, or pictures of the project's own
//! drawing.

mod leaves;
mod picture;

use std::path::{Path, PathBuf};

use rand_core::Rng;
use sae_kernels::Setting;
use sae_kernels::setting::at_least_one;
use serde::{Deserialize, Serialize};

use crate::random::below;
use crate::{DataError, Dataset, ImageShape, Part, Samples, Stream, memory, stream};

pub use leaves::dead_leaves;
pub use picture::Picture;

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
    /// Pictures to cut from; none: some are drawn.
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

impl PatchesConfig {
    /// Takes relative paths of pictures as relative to `folder`.
    pub fn relative_to(&mut self, folder: &Path) {
        for picture in &mut self.pictures {
            *picture = folder.join(&*picture);
        }
    }

    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// Names the first one outside its range, or the one that asks for more memory than there is.
    pub fn check(&self) -> Result<(), Setting> {
        at_least_one("size", self.size)?;
        at_least_one("train", self.train)?;
        at_least_one("test", self.test)?;
        if self.pictures.is_empty() {
            at_least_one("drawn", self.drawn)?;
            if self.drawn_size < self.size {
                let expected = format!("at least {}, the size of a patch", self.size);
                return Err(Setting::new("drawn_size", self.drawn_size, expected));
            }
        }
        self.check_memory()
    }

    fn check_memory(&self) -> Result<(), Setting> {
        let area = |size: usize| size as u128 * size as u128;
        let size = self.size;
        memory::check(
            "size",
            size,
            format!("patches of {size} x {size}"),
            area(size),
        )?;
        let mut all = 0;
        for (name, count) in [("train", self.train), ("test", self.test)] {
            all += count as u128;
            let what = format!("{all} patches of {size} x {size}");
            memory::check(name, count, what, area(size).saturating_mul(all))?;
        }
        if !self.pictures.is_empty() {
            return Ok(());
        }
        let (count, size) = (self.drawn, self.drawn_size);
        let one = area(size).saturating_mul(leaves::BYTES_PER_PIXEL);
        memory::check(
            "drawn_size",
            size,
            format!("pictures of {size} x {size}"),
            one,
        )?;
        let what = format!("{count} pictures of {size} x {size}");
        memory::check(
            "drawn",
            count,
            what,
            area(size).saturating_mul(count as u128),
        )
    }

    /// Cuts the patches of a part; the same seed gives the same patches. They have no labels. Those
    /// to evaluate on come from pictures drawn anew, but from the same files.
    ///
    /// # Errors
    ///
    /// As [`PatchesConfig::check`]; refuses files that are no pictures, and pictures smaller than a
    /// patch.
    pub fn cut(&self, part: Part, seed: u64) -> Result<Dataset, DataError> {
        self.check()?;
        let (count, purpose) = match part {
            Part::Train => (self.train, Stream::PatchesTrain),
            Part::Test => (self.test, Stream::PatchesTest),
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
            }
            .into(),
            labels: None,
            image: ImageShape::grey(self.size, self.size),
            names: vec![],
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
                let picture = Picture::read(path)?;
                let ImageShape { height, width, .. } = picture.shape;
                if height.min(width) >= self.size {
                    return Ok(picture);
                }
                let found = format!("a picture of {width} x {height} pixels");
                let expected = format!("at least {size} x {size}, one patch", size = self.size);
                Err(DataError::format(path, found, expected))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_grey(path: &Path, width: u32, height: u32, bytes: &[u8]) {
        image::save_buffer(path, bytes, width, height, image::ColorType::L8).unwrap();
    }

    /// Every patch of a picture whose pixels are numbered is a run of rows of that picture.
    #[test]
    fn patches_are_cut_from_the_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbered.png");
        let pixels: Vec<u8> = (0..60).collect();
        write_grey(&path, 10, 6, &pixels);
        let config = PatchesConfig {
            size: 3,
            train: 400,
            pictures: vec![path],
            ..PatchesConfig::default()
        };
        let set = config.cut(Part::Train, 1).unwrap();
        assert_eq!((set.rows(), set.samples.width()), (400, 9));
        assert!(set.labels.is_none());
        let Samples::Bytes { values, .. } = &*set.samples.all().unwrap() else {
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
        assert_eq!(config.cut(Part::Train, 1).unwrap(), set);
        assert_ne!(config.cut(Part::Train, 2).unwrap(), set);
        assert_ne!(config.cut(Part::Test, 1).unwrap().samples, set.samples);
    }

    /// 0.2126, 0.7152 and 0.0722 of 255, without what is behind the point.
    #[test]
    fn colours_become_their_brightness() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("colours.png");
        let pixels = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
        image::save_buffer(&path, &pixels, 4, 1, image::ColorType::Rgb8).unwrap();
        let picture = Picture::read(&path).unwrap();
        assert_eq!(picture.pixels, [54, 182, 18, 255]);
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
            config.cut(Part::Train, 1).unwrap_err().to_string()
        };
        write_grey(&path, 4, 9, &[0; 36]);
        let found = cut(&path);
        assert!(found.ends_with("a picture of 4 x 9 pixels; expected at least 8 x 8, one patch"));
        std::fs::write(&path, b"no picture").unwrap();
        assert!(cut(&path).contains("expected a picture of at most"));
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

    #[test]
    fn what_does_not_fit_in_memory_is_refused() {
        type Change = fn(&mut PatchesConfig);
        let message = |change: Change| {
            let mut config = PatchesConfig::default();
            change(&mut config);
            config.cut(Part::Train, 1).unwrap_err().to_string()
        };
        let cases: [(Change, &str); 5] = [
            (|c| c.train = 1 << 60, "train is 1152921504606846976; "),
            (|c| c.test = usize::MAX, "test is"),
            (|c| c.drawn_size = 100_000_000, "drawn_size is 100000000; "),
            (|c| c.drawn = usize::MAX, "drawn is"),
            (
                |c| (c.size, c.drawn_size) = (usize::MAX, usize::MAX),
                "size is",
            ),
        ];
        for (change, expected) in cases {
            let found = message(change);
            assert!(found.starts_with(expected), "{found}");
            assert!(found.contains("at most what fits in memory: "), "{found}");
        }
    }

    /// A header that announces 128 TiB, with nothing behind it.
    #[test]
    fn pictures_that_announce_too_much_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge.png");
        let mut ihdr = b"IHDR".to_vec();
        ihdr.extend([0, 0, 0x40, 0, 0x7f, 0xff, 0xff, 0xff]);
        ihdr.extend([8, 6, 0, 0, 0]);
        let mut crc = flate2::Crc::new();
        crc.update(&ihdr);
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        bytes.extend(&ihdr);
        bytes.extend(crc.sum().to_be_bytes());
        bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        std::fs::write(&path, bytes).unwrap();
        let message = Picture::read(&path).unwrap_err().to_string();
        assert!(
            message.contains("expected a picture of at most"),
            "{message}"
        );
    }

    #[test]
    fn relative_pictures_are_those_of_the_file() {
        let mut config = PatchesConfig {
            pictures: vec!["a.png".into(), "/b.png".into()],
            ..PatchesConfig::default()
        };
        config.relative_to(Path::new("/c"));
        assert_eq!(
            config.pictures,
            [Path::new("/c/a.png"), Path::new("/b.png")]
        );
    }
}
