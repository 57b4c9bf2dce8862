//! Rows as pictures in folders.

use std::fs;
use std::path::{Path, PathBuf};

use super::table::Writer;
use super::target::readable_by_all;
use crate::{DataError, ImageShape, Samples, WriteError};

/// Writes `LABEL/00000042.png`, numbered in the order of the rows, or `00000042.png` without labels.
/// Values in [0, 1] become bytes; what lies outside is cut off.
pub(super) struct ImagesWriter {
    path: PathBuf,
    /// Where the pictures are until all are there.
    folder: tempfile::TempDir,
    shape: ImageShape,
    rows: usize,
}

impl ImagesWriter {
    /// Into a folder that is not there yet.
    pub(super) fn new(path: &Path, shape: ImageShape) -> Result<Self, DataError> {
        if path.exists() {
            let found = "is there already";
            return Err(DataError::format(
                path,
                found,
                "a folder that is not there yet",
            ));
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let folder = tempfile::TempDir::new_in(parent).map_err(|e| WriteError::new(path, e))?;
        Ok(Self {
            path: path.to_owned(),
            folder,
            shape,
            rows: 0,
        })
    }
}

impl Writer for ImagesWriter {
    fn write(&mut self, rows: &Samples, words: &[String]) -> Result<(), DataError> {
        let ImageShape {
            height,
            width,
            channels,
        } = self.shape;
        let kind = match channels {
            3 => image::ExtendedColorType::Rgb8,
            _ => image::ExtendedColorType::L8,
        };
        for row in 0..rows.rows() {
            let mut folder = self.folder.path().to_owned();
            if let Some(word) = words.get(row) {
                folder.push(folder_name(word));
            }
            let failed = |error| WriteError::new(&self.path, error);
            fs::create_dir_all(&folder).map_err(failed)?;
            let file = folder.join(format!("{:08}.png", self.rows));
            let byte = |value: &f32| (255.0 * value.clamp(0.0, 1.0)).round() as u8;
            let pixels: Vec<u8> = rows.gather(&[row]).iter().map(byte).collect();
            image::save_buffer(&file, &pixels, width as u32, height as u32, kind)
                .map_err(|error| failed(std::io::Error::other(error)))?;
            self.rows += 1;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), DataError> {
        let folder = self.folder.keep();
        readable_by_all(&folder, 0o755)
            .and_then(|()| fs::rename(&folder, &self.path))
            .map_err(|error| WriteError::new(&self.path, error).into())
    }
}

/// A label as the name of a folder: what means something to a file system becomes `-`.
fn folder_name(label: &str) -> String {
    let safe = |c: char| {
        if c.is_alphanumeric() || "-_ ".contains(c) {
            c
        } else {
            '-'
        }
    };
    match label.is_empty() {
        true => "-".to_owned(),
        false => label.chars().map(safe).collect(),
    }
}
