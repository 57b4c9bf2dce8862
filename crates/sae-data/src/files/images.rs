//! A folder tree of pictures, one row per picture.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};
use sae_kernels::Setting;
use serde::{Deserialize, Serialize};

use crate::message::shown;
use crate::rows::{Chunk, Layout, Reader};
use crate::{DataError, ImageShape, Samples};

/// How pictures become rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImagesConfig {
    /// Whether a row has the brightness of each pixel, or its red, green and blue.
    pub colour: Colour,
    /// Height and width to which every picture is brought, after a cut from its middle to the same
    /// proportions; [0, 0] where all have one size.
    pub size: [usize; 2],
    /// Whether the folder in which a picture lies is its label.
    pub labels: bool,
}

/// What is kept of a pixel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Its brightness.
    #[default]
    Grey,
    /// Red, green and blue.
    Rgb,
}

impl Colour {
    /// Values per pixel.
    pub fn channels(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }
}

/// Most pixels along a side.
const MOST_SIDE: usize = 16_384;
/// Most bytes that one picture may take while it is unpacked.
const MOST_BYTES: u64 = 1 << 30;
/// Depth of folders that is looked into.
const MOST_DEPTH: usize = 32;

/// The ends of names of pictures.
const ENDS: [&str; 7] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"];

impl ImagesConfig {
    /// Checks the size.
    ///
    /// # Errors
    ///
    /// Refuses one that is 0 in one direction only, or too large.
    pub fn check(&self) -> Result<(), Setting> {
        let [height, width] = self.size;
        let given = height > 0 && width > 0 && height.max(width) <= MOST_SIDE;
        if given || self.size == [0, 0] {
            return Ok(());
        }
        let found = format!("{:?}", self.size);
        let expected = format!("[height, width], each 1 to {MOST_SIDE}, or [0, 0]");
        Err(Setting::new("size", found, expected))
    }
}

/// Whether a name is that of a picture.
pub(super) fn is_picture(path: &Path) -> bool {
    let end = path
        .extension()
        .map(|end| end.to_string_lossy().to_lowercase());
    end.is_some_and(|end| ENDS.contains(&end.as_str()))
}

/// Pictures that are being read.
pub(super) struct ImagesReader {
    config: ImagesConfig,
    files: Vec<PathBuf>,
    next: usize,
    layout: Layout,
}

impl ImagesReader {
    /// All pictures below `folder`, in the order of their file names and then of their folders, in
    /// which numbers count as such: `2.png` is before `10.png` wherever they lie.
    pub(super) fn open(folder: &Path, config: &ImagesConfig) -> Result<Self, DataError> {
        config.check().map_err(|setting| setting.within("images"))?;
        let mut files = Vec::new();
        collect(folder, 0, &mut files)?;
        files.sort_by_cached_key(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (natural(&name), path.to_string_lossy().into_owned())
        });
        let Some(first) = files.first() else {
            let found = "holds no pictures";
            let expected = "a folder with PNG, JPEG, WebP, BMP or TIFF files";
            return Err(DataError::format(folder, found, expected));
        };
        let [height, width] = match config.size {
            [0, 0] => {
                let reader = reader(first)?;
                let (width, height) = reader.into_dimensions().map_err(|e| damaged(first, &e))?;
                [height as usize, width as usize]
            }
            size => size,
        };
        let shape = ImageShape {
            height,
            width,
            channels: config.colour.channels(),
        };
        Ok(Self {
            layout: Layout {
                image: Some(shape),
                rows: Some(files.len()),
                labelled: config.labels,
                ..Layout::table(shape.values())
            },
            config: config.clone(),
            files,
            next: 0,
        })
    }

    fn shape(&self) -> ImageShape {
        self.layout
            .image
            .unwrap_or(ImageShape::line(self.layout.inputs))
    }

    /// The pixels of a picture.
    fn pixels(&self, path: &Path) -> Result<Vec<u8>, DataError> {
        let ImageShape { height, width, .. } = self.shape();
        let picture = reader(path)?
            .decode()
            .map_err(|error| damaged(path, &error))?;
        let picture = opaque(picture);
        let picture = match self.config.size {
            [0, 0] if (picture.height() as usize, picture.width() as usize) == (height, width) => {
                picture
            }
            [0, 0] => {
                let found = format!("has {} x {} pixels", picture.height(), picture.width());
                let first = self.files[0].display();
                let expected = format!(
                    "{height} x {width}, as {first} has; images.size = [height, width] brings all \
                     to one size"
                );
                return Err(DataError::format(path, found, expected));
            }
            _ => fit(&picture, height as u32, width as u32),
        };
        Ok(match self.config.colour {
            Colour::Grey => picture.into_luma8().into_raw(),
            Colour::Rgb => picture.into_rgb8().into_raw(),
        })
    }
}

impl Reader for ImagesReader {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn read(&mut self, most: usize) -> Result<Option<Chunk>, DataError> {
        let end = self.files.len().min(self.next.saturating_add(most));
        let files = &self.files[self.next..end];
        let mut values = Vec::with_capacity(files.len() * self.layout.inputs);
        for path in files {
            values.extend(self.pixels(path)?);
        }
        let folder = |path: &PathBuf| {
            let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
            folder.to_string_lossy().into_owned()
        };
        let labels = match self.config.labels {
            true => files.iter().map(folder).collect(),
            false => vec![],
        };
        let samples = Samples::Bytes {
            width: self.layout.inputs,
            values,
        };
        let any = !files.is_empty();
        self.next = end;
        Ok(any.then_some(Chunk { samples, labels }))
    }
}

/// Adds the pictures below a folder. Links to folders are not followed, so that none leads in a
/// circle.
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let wrong = |source| DataError::unreadable(folder, source);
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(wrong)?);
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if kind.is_dir() && !hidden && depth < MOST_DEPTH {
            collect(&path, depth + 1, files)?;
        } else if !kind.is_dir() && !hidden && is_picture(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// The parts of a name, in which numbers are such: digits without leading zeros, by their count.
fn natural(name: &str) -> Vec<(String, usize, String)> {
    let mut parts: Vec<(String, usize, String)> = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let words = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(words);
        let digits = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        let number = number.trim_start_matches('0');
        parts.push((word.to_owned(), number.len(), number.to_owned()));
        rest = after;
    }
    parts
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
fn fit(picture: &DynamicImage, height: u32, width: u32) -> DynamicImage {
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
