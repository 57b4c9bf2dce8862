//! A folder tree of pictures, one row per picture.

use std::fs;
use std::path::{Path, PathBuf};

use image::DynamicImage;
use sae_kernels::Setting;
use serde::{Deserialize, Serialize};

use super::entry::may_be_file;
use super::picture::{MOST_SIDE, fit, open_picture, size_of_picture};
use crate::rows::{Chunk, Layout, Reader};
use crate::{DataError, ImageShape, Samples, natural_order};

/// How pictures become rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImagesConfig {
    /// Whether a row has the brightness of each pixel, or its red, green and blue.
    pub colour: Colour,
    /// Height and width to which every picture is brought, after a cut from its middle to the same
    /// proportions; [0, 0] where all have one size.
    pub size: [usize; 2],
    /// Height and width of the patches into which every picture is cut, each a row; 0 where a picture
    /// is a row.
    pub patch: usize,
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

/// Depth of folders that is looked into.
const MOST_DEPTH: usize = 32;

/// The ends of names of pictures.
const ENDS: [&str; 7] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"];

impl ImagesConfig {
    /// Checks the sizes.
    ///
    /// # Errors
    ///
    /// Refuses one that is 0 in one direction only, or too large, and patches that are larger.
    pub fn check(&self) -> Result<(), Setting> {
        let [height, width] = self.size;
        let given = height > 0 && width > 0 && height.max(width) <= MOST_SIDE;
        let most = if given { height.min(width) } else { MOST_SIDE };
        if self.patch > most {
            let expected = format!("0, or at most {most}, the size of a picture");
            return Err(Setting::new("patch", self.patch, expected));
        }
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
    /// Rows of the picture that was read last, which wait, with their label.
    waiting: Option<(Samples, String)>,
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
            (natural_order(&name), path.to_string_lossy().into_owned())
        });
        let Some(first) = files.first() else {
            let found = "holds no pictures";
            let expected = "a folder with PNG, JPEG, WebP, BMP or TIFF files";
            return Err(DataError::format(folder, found, expected));
        };
        let [height, width] = match (config.patch, config.size) {
            (0, [0, 0]) => size_of_picture(first)?,
            (0, size) => size,
            (patch, _) => [patch, patch],
        };
        let shape = ImageShape {
            height,
            width,
            channels: config.colour.channels(),
        };
        Ok(Self {
            layout: Layout {
                image: Some(shape),
                // How many patches there are is seen when pictures are read.
                rows: (config.patch == 0).then_some(files.len()),
                labelled: config.labels,
                ..Layout::table(shape.values())
            },
            config: config.clone(),
            files,
            next: 0,
            waiting: None,
        })
    }

    fn shape(&self) -> ImageShape {
        self.layout
            .image
            .unwrap_or(ImageShape::line(self.layout.inputs))
    }

    /// The rows of a picture, at least one.
    fn rows(&self, path: &Path) -> Result<Samples, DataError> {
        let (picture, is_deep) = open_picture(path)?;
        let picture = match self.config.size {
            [0, 0] => picture,
            [height, width] => fit(&picture, height as u32, width as u32),
        };
        let ImageShape { height, width, .. } = self.shape();
        let (high, wide) = (picture.height() as usize, picture.width() as usize);
        let fits = match self.config.patch {
            0 => (high, wide) == (height, width),
            patch => high.min(wide) >= patch,
        };
        if !fits {
            let found = format!("has {high} x {wide} pixels");
            let first = self.files[0].display();
            let expected = match self.config.patch {
                0 => format!(
                    "{height} x {width}, as {first} has; images.size = [height, width] brings all \
                     to one size"
                ),
                patch => format!("at least {patch} x {patch}, the size of a patch"),
            };
            return Err(DataError::format(path, found, expected));
        }
        let values = |cut: DynamicImage| self.values(cut, is_deep);
        if self.config.patch == 0 {
            return Ok(values(picture));
        }
        let mut rows = Samples::with_capacity(self.layout.inputs, 1, 0);
        for top in (0..=high - height).step_by(height) {
            for left in (0..=wide - width).step_by(width) {
                let [x, y, w, h] = [left, top, width, height].map(|pixels| pixels as u32);
                rows.extend(&values(picture.crop_imm(x, y, w, h)))?;
            }
        }
        Ok(rows)
    }

    /// The values of a picture's pixels: bytes, or fractions where they have more than eight bits.
    fn values(&self, picture: DynamicImage, is_deep: bool) -> Samples {
        let width = self.layout.inputs;
        match (is_deep, self.config.colour) {
            (false, Colour::Grey) => Samples::Bytes {
                width,
                values: picture.into_luma8().into_raw(),
            },
            (false, Colour::Rgb) => Samples::Bytes {
                width,
                values: picture.into_rgb8().into_raw(),
            },
            (true, colour) => Samples::Floats {
                width,
                values: fractions(picture, colour),
            },
        }
    }

    /// Rows of one picture that wait, or of the next; nothing after the last.
    fn some_rows(&mut self) -> Result<Option<(Samples, String)>, DataError> {
        if let Some(waiting) = self.waiting.take() {
            return Ok(Some(waiting));
        }
        let Some(path) = self.files.get(self.next) else {
            return Ok(None);
        };
        let rows = self.rows(path)?;
        if rows.first_not_finite().is_some() {
            let found = "holds a pixel that is no finite number";
            return Err(DataError::format(path, found, "finite numbers"));
        }
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
        let label = folder.to_string_lossy().into_owned();
        self.next += 1;
        Ok(Some((rows, label)))
    }
}

impl Reader for ImagesReader {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn read(&mut self, most: usize) -> Result<Option<Chunk>, DataError> {
        let (mut samples, mut labels): (Option<Samples>, _) = (None, Vec::new());
        let mut left = most;
        while left > 0
            && let Some((rows, label)) = self.some_rows()?
        {
            let count = left.min(rows.rows());
            let own = match count < rows.rows() {
                true => {
                    let (own, rest) = rows.split_at(count);
                    self.waiting = Some((rest, label.clone()));
                    own
                }
                false => rows,
            };
            if self.config.labels {
                labels.resize(labels.len() + count, label);
            }
            match &mut samples {
                Some(samples) => samples.extend(&own)?,
                None => samples = Some(own),
            }
            left -= count;
        }
        Ok(samples.map(|samples| Chunk { samples, labels }))
    }
}

/// Values of more than eight bits: v / 65535 of those of 16 bits, floating-point numbers as they are.
fn fractions(picture: DynamicImage, colour: Colour) -> Vec<f32> {
    let of_16 = |values: Vec<u16>| values.into_iter().map(|v| f32::from(v) / 65_535.0);
    let is_float = matches!(
        picture,
        DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_)
    );
    match (is_float, colour) {
        (false, Colour::Grey) => of_16(picture.into_luma16().into_raw()).collect(),
        (false, Colour::Rgb) => of_16(picture.into_rgb16().into_raw()).collect(),
        (true, Colour::Grey) => picture.to_luma32f().into_raw(),
        (true, Colour::Rgb) => picture.into_rgb32f().into_raw(),
    }
}

/// Adds the pictures below a folder. Links to folders are not followed, so that none leads in a
/// circle; a pipe would be waited for.
fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let wrong = |source| DataError::unreadable(folder, source);
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(wrong)?);
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if kind.is_dir() && !hidden && depth < MOST_DEPTH {
            collect(&path, depth + 1, files)?;
        } else if !hidden && is_picture(&path) && may_be_file(&path) {
            files.push(path);
        }
    }
    Ok(())
}
