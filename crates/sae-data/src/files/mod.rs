//! Files that hold rows of numbers, read some rows at a time.

mod config;
mod csv;
mod entry;
mod idx;
mod images;
mod npy;
mod numbers;
#[cfg(feature = "parquet")]
mod parquet;
mod picture;
mod purpose;
mod safetensors;
mod spill;
mod strided;
mod table;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::config::FilesConfig;
pub(crate) use self::config::given;
pub use self::idx::{IdxConfig, encode_images, encode_labels};
pub use self::images::{Colour, ImagesConfig};
pub(crate) use self::picture::open_picture;
pub use self::purpose::Purpose;
pub(crate) use self::spill::Spill;
pub use self::table::{Delimiter, Header, TableConfig};

use self::csv::CsvReader;
use self::entry::may_be_file;
use self::idx::IdxReader;
use self::images::ImagesReader;
#[cfg(feature = "parquet")]
use self::parquet::ParquetReader;
use self::strided::{Strided, StridedReader};
use crate::DataError;
use crate::rows::Reader;

/// The name under which standard input is read, as CSV.
const STANDARD_INPUT: &str = "-";

/// Most values of a row: more are the word of a damaged header.
const MOST_INPUTS: usize = 1 << 22;

/// What a file, or a folder, holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A folder of pictures.
    Images,
    /// A table as text.
    Csv,
    /// An array of NumPy.
    Npy,
    /// An archive with arrays of NumPy.
    Npz,
    /// A table in Parquet.
    Parquet,
    /// Tensors, in one file or in a folder of them.
    Safetensors,
    /// A folder with a pair of IDX files, or one IDX file of images.
    Idx,
}

/// Which tensors of a file are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArraysConfig {
    /// The name of the samples in an NPZ or safetensors file; nothing where there is but one matrix.
    pub samples: String,
    /// The name of the labels in it; nothing where there are none.
    pub labels: String,
}

/// How files are read: what is said of each format.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Of tables.
    pub table: &'a TableConfig,
    /// Of pictures.
    pub images: &'a ImagesConfig,
    /// Of arrays by name.
    pub arrays: &'a ArraysConfig,
    /// What the rows are for.
    pub purpose: Purpose<'a>,
}

impl Format {
    /// What a path seems to hold, by its name or by what is in the folder.
    ///
    /// # Errors
    ///
    /// Refuses a path that is not there, or that tells nothing.
    pub fn of(path: &Path) -> Result<Self, DataError> {
        if path == Path::new(STANDARD_INPUT) {
            return Ok(Self::Csv);
        }
        let about =
            std::fs::metadata(path).map_err(|source| DataError::unreadable(path, source))?;
        if about.is_dir() {
            return Self::of_folder(path);
        }
        Self::of_name(path).ok_or_else(|| {
            DataError::format(
                path,
                "has a name that tells no format",
                "a name that ends in .csv, .tsv, .npy, .npz, .parquet or .safetensors, an IDX file, or a \
                 folder of pictures",
            )
        })
    }

    /// What a file of that name holds.
    pub(crate) fn of_name(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        match plain.rsplit_once('.').map_or("", |(_, end)| end) {
            "csv" | "tsv" | "txt" | "tab" => Some(Self::Csv),
            "npy" => Some(Self::Npy),
            "npz" => Some(Self::Npz),
            "parquet" => Some(Self::Parquet),
            "safetensors" => Some(Self::Safetensors),
            _ => plain.contains("idx").then_some(Self::Idx),
        }
    }

    /// What a program says that was built without it.
    #[cfg(not(feature = "parquet"))]
    pub(crate) fn no_parquet(path: &Path) -> DataError {
        let found = "is a Parquet file, which this program was built without";
        let expected = "CSV, NPY or safetensors, or a program built with --features parquet";
        DataError::format(path, found, expected)
    }

    fn of_folder(folder: &Path) -> Result<Self, DataError> {
        let wrong = |source| DataError::unreadable(folder, source);
        for entry in std::fs::read_dir(folder).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_file() && name.contains("idx") && !images::is_picture(&path) {
                return Ok(Self::Idx);
            }
            if is_shard(&path) {
                return Ok(Self::Safetensors);
            }
        }
        Ok(Self::Images)
    }

    /// Opens a file, or a folder, whose labels may lie in another file.
    ///
    /// # Errors
    ///
    /// Refuses what cannot be read, is damaged, is not of this format, or has rows of too many values.
    pub fn open(
        self,
        path: &Path,
        labels: Option<&Path>,
        options: Options<'_>,
    ) -> Result<Box<dyn Reader>, DataError> {
        let reader = self.open_unchecked(path, labels, options)?;
        let inputs = reader.layout().inputs;
        match inputs <= MOST_INPUTS {
            true => Ok(reader),
            false => {
                let found = format!("has rows of {inputs} values");
                let expected = format!("at most {MOST_INPUTS}");
                Err(DataError::format(path, found, expected))
            }
        }
    }

    fn open_unchecked(
        self,
        path: &Path,
        labels: Option<&Path>,
        options: Options<'_>,
    ) -> Result<Box<dyn Reader>, DataError> {
        if let Some(labels) = labels
            && matches!(self, Self::Csv | Self::Parquet | Self::Images)
        {
            let found = "is named for labels, which are in the table or the names of folders";
            let expected = "data.table.label or data.images.labels";
            return Err(DataError::format(labels, found, expected));
        }
        let others = labels
            .map(|path| read_labels(path, options.table))
            .transpose()?
            .unwrap_or_default();
        let arrays = options.arrays;
        Ok(match self {
            Self::Csv => Box::new(CsvReader::open(path, options.table, options.purpose)?),
            Self::Images => Box::new(ImagesReader::open(path, options.images)?),
            Self::Npy => Box::new(StridedReader::new(vec![npy::open(path)?], others)?),
            Self::Safetensors => {
                let parts = shards(path)?;
                let open = |name: &str| -> Result<Vec<Strided>, DataError> {
                    parts
                        .iter()
                        .map(|part| safetensors::open(part, name))
                        .collect()
                };
                let labels = match arrays.labels.is_empty() {
                    true => others,
                    false => label_texts(&open(&arrays.labels)?)?,
                };
                Box::new(StridedReader::new(open(&arrays.samples)?, labels)?)
            }
            Self::Npz => {
                let labels = match arrays.labels.is_empty() {
                    true => others,
                    false => npy::open_entry(path, &arrays.labels)?.labels()?,
                };
                let samples = npy::open_entry(path, &arrays.samples)?;
                Box::new(StridedReader::new(vec![samples], labels)?)
            }
            #[cfg(feature = "parquet")]
            Self::Parquet => Box::new(ParquetReader::open(path, options.table, options.purpose)?),
            #[cfg(not(feature = "parquet"))]
            Self::Parquet => return Err(Self::no_parquet(path)),
            Self::Idx => Box::new(open_idx(path, labels)?),
        })
    }
}

/// A folder's pair, or a file of images with its labels, which may lie beside it under their usual name.
fn open_idx(path: &Path, labels: Option<&Path>) -> Result<IdxReader, DataError> {
    if path.is_dir() {
        let (images, labels) = idx::pair_in(path)?;
        return IdxReader::open(&images, Some(&labels));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(name.replace("images", "labels").replace("idx3", "idx1"));
    let beside = (beside != path && beside.is_file()).then_some(beside);
    IdxReader::open(path, labels.or(beside.as_deref()))
}

/// A file, or all safetensors files of a folder in the order of their names.
fn shards(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let wrong = |source| DataError::unreadable(path, source);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(wrong)? {
        let file = entry.map_err(wrong)?.path();
        if is_shard(&file) {
            files.push(file);
        }
    }
    if files.is_empty() {
        let found = "holds no safetensors files";
        return Err(DataError::format(
            path,
            found,
            "a file, or a folder of such files",
        ));
    }
    files.sort();
    Ok(files)
}

/// Whether a path in a folder is a file of tensors.
fn is_shard(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "safetensors") && may_be_file(path)
}

/// The labels in a file of their own: an NPY vector of whole numbers, or a table of one column.
fn read_labels(path: &Path, config: &TableConfig) -> Result<Vec<String>, DataError> {
    match Format::of(path)? {
        Format::Npy => label_texts(&[npy::open(path)?]),
        Format::Idx => {
            let labels = idx::read_labels(path)?;
            Ok(labels.iter().map(ToString::to_string).collect())
        }
        Format::Csv => csv::read_words(path, config),
        _ => Err(DataError::format(
            path,
            "is no file of labels",
            "an NPY vector of whole numbers, a table of one column, or an IDX file of labels",
        )),
    }
}

/// The labels in vectors of whole numbers.
fn label_texts(parts: &[Strided]) -> Result<Vec<String>, DataError> {
    let mut labels = Vec::new();
    for part in parts {
        labels.extend(part.labels()?);
    }
    Ok(labels)
}
