//! The IDX format of the MNIST database: big-endian `00 00 type rank`, one 32-bit size per
//! dimension, then the values (LeCun, Cortes and Burges, "The MNIST database of handwritten
//! digits", section "File formats").

mod config;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::numbers::{Kind, Number};
use super::strided::{Place, Strided};
use crate::rows::{Chunk, Layout, Reader};
use crate::{DataError, Dataset, ImageShape, Room, Samples, Store, memory};

pub use config::IdxConfig;
pub(super) use config::pair_in;

impl Dataset {
    /// Reads an IDX file of images and the IDX file of their labels, plain or gzip-compressed.
    /// The classes are named by their numbers, those that occur.
    ///
    /// # Errors
    ///
    /// Refuses files that are not IDX, images that are labels and the reverse, sizes that do not
    /// match the file, an empty set, and counts that differ.
    pub fn read_idx(images: &Path, labels: &Path) -> Result<Self, DataError> {
        let mut reader = IdxReader::open(images, Some(labels))?;
        let what = images.display().to_string();
        Self::read(&mut reader, &what, Room::UNLIMITED)
    }
}

/// The IDX code of unsigned bytes, the only type that MNIST uses.
const UNSIGNED_BYTE: u8 = 0x08;
/// Dimensions of images: `[count, height, width]`.
const IMAGES: usize = 3;
/// Dimensions of labels: `[count]`.
const LABELS: usize = 1;

/// The images of an IDX file, with their labels where there is a file of them.
pub(super) struct IdxReader {
    layout: Layout,
    stream: Stream,
    labels: Vec<String>,
    next: usize,
}

impl IdxReader {
    /// Reads the sizes, and all labels.
    ///
    /// # Errors
    ///
    /// As [`Dataset::read_idx`].
    pub(super) fn open(images: &Path, labels: Option<&Path>) -> Result<Self, DataError> {
        let stream = Stream::open(images, IMAGES)?;
        let [rows, height, width] = stream.sizes[..] else {
            unreachable!("the rank was checked");
        };
        let label_stream = labels.map(|path| Stream::open(path, LABELS)).transpose()?;
        let values = match (labels, label_stream) {
            (Some(path), Some(stream)) if stream.sizes[0] != rows => {
                return Err(DataError::Counts {
                    images_path: images.to_owned(),
                    images: rows,
                    labels_path: path.to_owned(),
                    labels: stream.sizes[0],
                });
            }
            (_, Some(stream)) => stream.labels()?,
            (_, None) => vec![],
        };
        Ok(Self {
            layout: Layout {
                image: Some(ImageShape::grey(height, width)),
                rows: Some(rows),
                labelled: labels.is_some(),
                ..Layout::table(height * width)
            },
            stream,
            labels: values.iter().map(ToString::to_string).collect(),
            next: 0,
        })
    }
}

impl Reader for IdxReader {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn read(&mut self, most: usize) -> Result<Option<Chunk>, DataError> {
        let rows = self.stream.sizes[0];
        let count = most.min(rows - self.next);
        if count == 0 {
            return Ok(None);
        }
        let width = self.layout.inputs;
        let values = self.stream.values(count * width)?;
        let from = self.next;
        self.next += count;
        if self.next == rows {
            self.stream.check_end()?;
        }
        let labels = self.labels.get(from..self.next).unwrap_or_default();
        Ok(Some(Chunk {
            samples: Samples::Bytes { width, values },
            labels: labels.to_vec(),
        }))
    }

    /// Of a file that is not compressed.
    fn store(&self) -> Option<(Arc<dyn Store>, Vec<String>)> {
        self.stream.length?;
        let place = Place {
            path: self.stream.path.clone(),
            offset: start_of_values(IMAGES),
            kind: Kind::little(Number::U8),
            rows: self.stream.sizes[0],
            columns: self.layout.inputs,
            image: None,
            by_columns: false,
        };
        let file = File::open(&place.path).ok()?;
        let store = Strided::new(place, file);
        Some((Arc::new(store), self.labels.clone()))
    }
}

/// Reads labels: rank 1, `[count]`.
///
/// # Errors
///
/// Refuses anything but a complete IDX file of at least one label.
pub(super) fn read_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    Stream::open(path, LABELS)?.labels()
}

/// The bytes of an IDX file of images.
///
/// # Panics
///
/// Panics if a size exceeds 32 bits, the format's limit, or `pixels` is not a number of images.
pub fn encode_images(image: ImageShape, pixels: &[u8]) -> Vec<u8> {
    let area = image.height * image.width;
    assert_eq!(pixels.len() % area, 0, "pixels must be whole images");
    encode(&[pixels.len() / area, image.height, image.width], pixels)
}

/// The bytes of an IDX file of labels.
///
/// # Panics
///
/// Panics if there are more than 2³² labels, the format's limit.
pub fn encode_labels(labels: &[u8]) -> Vec<u8> {
    encode(&[labels.len()], labels)
}

fn encode(sizes: &[usize], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, UNSIGNED_BYTE, sizes.len() as u8];
    for &size in sizes {
        let size = u32::try_from(size).expect("IDX sizes have 32 bits");
        bytes.extend(size.to_be_bytes());
    }
    bytes.extend_from_slice(values);
    bytes
}

/// An IDX file whose sizes have been read.
struct Stream {
    path: PathBuf,
    bytes: Box<dyn Read + Send>,
    /// Of a file that is not compressed.
    length: Option<u64>,
    sizes: Vec<usize>,
    /// Values that were read.
    read: usize,
}

impl Stream {
    fn open(path: &Path, rank: usize) -> Result<Self, DataError> {
        let unreadable = |source| DataError::unreadable(path, source);
        let mut file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        let mut start = Vec::new();
        (&mut file)
            .take(2)
            .read_to_end(&mut start)
            .map_err(unreadable)?;
        let is_compressed = start == [0x1f, 0x8b];
        let whole = BufReader::new(std::io::Cursor::new(start).chain(file));
        let (mut bytes, length): (Box<dyn Read + Send>, _) = match is_compressed {
            true => (Box::new(MultiGzDecoder::new(whole)), None),
            false => (Box::new(whole), Some(length)),
        };
        let sizes = parse_sizes(&mut bytes, length, rank);
        Ok(Self {
            sizes: sizes.map_err(|error| error.at(path))?,
            path: path.to_owned(),
            bytes,
            length,
            read: 0,
        })
    }

    /// The labels of a file of them.
    fn labels(mut self) -> Result<Vec<u8>, DataError> {
        let count = self.sizes[0];
        memory::check_labels(&self.path, count)?;
        let labels = self.values(count)?;
        self.check_end()?;
        Ok(labels)
    }

    /// The next values. Of a compressed stream no more is ever kept than it really yields.
    fn values(&mut self, count: usize) -> Result<Vec<u8>, DataError> {
        let mut values = Vec::new();
        let read = (&mut self.bytes)
            .take(count as u64)
            .read_to_end(&mut values);
        read.map_err(|source| DataError::unreadable(&self.path, source))?;
        self.read += values.len();
        if values.len() < count {
            let found = format!("ends after {} values", self.read);
            return Err(DataError::format(&self.path, found, announced(&self.sizes)));
        }
        Ok(values)
    }

    /// Refuses values beyond those that are announced.
    fn check_end(&mut self) -> Result<(), DataError> {
        let more = self.bytes.read(&mut [0]);
        if more.map_err(|source| DataError::unreadable(&self.path, source))? == 0 {
            return Ok(());
        }
        let found = format!("holds more than {} values", self.read);
        Err(DataError::format(&self.path, found, announced(&self.sizes)))
    }
}

enum ParseError {
    Read(std::io::Error),
    Format { found: String, expected: String },
}

impl ParseError {
    fn at(self, path: &Path) -> DataError {
        match self {
            Self::Read(source) => DataError::unreadable(path, source),
            Self::Format { found, expected } => DataError::format(path, found, expected),
        }
    }
}

impl From<std::io::Error> for ParseError {
    fn from(error: std::io::Error) -> Self {
        Self::Read(error)
    }
}

fn wrong<T>(found: impl Into<String>, expected: impl Into<String>) -> Result<T, ParseError> {
    Err(ParseError::Format {
        found: found.into(),
        expected: expected.into(),
    })
}

/// Reads the sizes. `length` is the number of bytes that the stream will yield, where it is known before
/// reading; a size beyond it is refused before anything is allocated.
fn parse_sizes(
    stream: &mut dyn Read,
    length: Option<u64>,
    rank: usize,
) -> Result<Vec<usize>, ParseError> {
    let (what, other) = match rank {
        1 => ("labels (rank 1)", "images"),
        _ => ("images (rank 3)", "labels"),
    };
    let mut magic = Vec::new();
    stream.take(4).read_to_end(&mut magic)?;
    let &[0, 0, kind, found_rank] = magic.as_slice() else {
        return wrong(
            format!("starts with {magic:02x?}, which is no IDX magic number"),
            format!("an IDX file of {what}, which starts with [00, 00, 08, {rank:02}]"),
        );
    };
    if kind != UNSIGNED_BYTE {
        return wrong(
            format!("is an IDX file of type 0x{kind:02x}"),
            "type 0x08, unsigned bytes",
        );
    }
    if usize::from(found_rank) != rank {
        let hint = match found_rank {
            1 | 3 => format!("; it seems to hold {other}"),
            _ => String::new(),
        };
        return wrong(
            format!("is an IDX file of rank {found_rank}{hint}"),
            format!("an IDX file of {what}"),
        );
    }

    let mut header = Vec::new();
    stream.take(4 * rank as u64).read_to_end(&mut header)?;
    if header.len() < 4 * rank {
        return wrong("ends within its header", format!("{rank} sizes of 4 bytes"));
    }
    let sizes: Vec<u64> = header
        .chunks_exact(4)
        .map(|b| u64::from(u32::from_be_bytes([b[0], b[1], b[2], b[3]])))
        .collect();
    let total = sizes
        .iter()
        .try_fold(1u64, |product, &s| product.checked_mul(s));
    let Some(total) = total.filter(|&t| usize::try_from(t).is_ok()) else {
        return wrong(
            format!("announces sizes {sizes:?}"),
            "sizes that fit in memory",
        );
    };
    if total == 0 {
        return wrong(format!("announces sizes {sizes:?}"), "at least one sample");
    }
    let sizes: Vec<usize> = sizes.into_iter().map(|s| s as usize).collect();
    if let Some(length) = length {
        let held = length.saturating_sub(start_of_values(rank));
        if held != total {
            return wrong(format!("holds {held} values"), announced(&sizes));
        }
    }
    Ok(sizes)
}

/// Bytes before the values.
fn start_of_values(rank: usize) -> u64 {
    4 + 4 * rank as u64
}

fn announced(sizes: &[usize]) -> String {
    let total: usize = sizes.iter().product();
    format!("{total} values, as its sizes {sizes:?} announce")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tempfile::NamedTempFile;

    use super::*;

    fn file(bytes: &[u8]) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read_images(path: &Path) -> Result<Dataset, DataError> {
        let mut reader = IdxReader::open(path, None)?;
        Dataset::read(&mut reader, "images", Room::UNLIMITED)
    }

    fn images_error(bytes: &[u8]) -> String {
        read_images(file(bytes).path()).unwrap_err().to_string()
    }

    /// Two 1 × 3 images, byte by byte as the format's description has it.
    const TWO: [u8; 22] = [
        0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60,
    ];

    #[test]
    fn reads_plain_and_compressed_images() {
        for bytes in [TWO.to_vec(), gzip(&TWO)] {
            let read = read_images(file(&bytes).path()).unwrap();
            assert_eq!(read.image, ImageShape::grey(1, 3));
            let values = vec![10, 20, 30, 40, 50, 60];
            assert_eq!(read.samples, Samples::Bytes { width: 3, values }.into());
        }
    }

    #[test]
    fn writes_what_the_description_says() {
        let image = ImageShape::grey(1, 3);
        assert_eq!(encode_images(image, &TWO[16..]), TWO);
        assert_eq!(encode_labels(&[7, 9]), [0, 0, 8, 1, 0, 0, 0, 2, 7, 9]);
    }

    #[test]
    fn refuses_truncated_files_before_reading_them() {
        assert!(images_error(&TWO[..21]).contains("holds 5 values; expected 6 values"));
        assert!(images_error(&gzip(&TWO[..21])).contains("ends after 5 values"));
        assert!(images_error(&TWO[..9]).contains("ends within its header"));
        assert!(images_error(&TWO[..3]).contains("no IDX magic number"));
        let mut longer = TWO.to_vec();
        longer.push(0);
        assert!(images_error(&longer).contains("holds 7 values"));
        assert!(images_error(&gzip(&longer)).contains("more than 6 values"));
    }

    #[test]
    fn refuses_sizes_that_no_memory_holds() {
        let mut huge = TWO;
        huge[4..16].fill(0xff);
        assert!(images_error(&huge).contains("fit in memory"));
        let mut large = TWO;
        large[4] = 0xff;
        assert!(images_error(&large).contains("holds 6 values"));
        assert!(images_error(&gzip(&large)).contains("ends after 6 values"));
    }

    #[test]
    fn names_a_file_of_the_other_kind() {
        let labels = file(&encode_labels(&[1, 2, 3]));
        let message = read_images(labels.path()).unwrap_err().to_string();
        assert!(message.contains("seems to hold labels"), "{message}");
        let message = read_labels(file(&TWO).path()).unwrap_err().to_string();
        assert!(message.contains("seems to hold images"), "{message}");
    }

    #[test]
    fn refuses_other_types_and_empty_sets() {
        let mut floats = TWO;
        floats[2] = 0x0d;
        assert!(images_error(&floats).contains("type 0x0d"));
        assert!(
            images_error(&[0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3])
                .contains("at least one")
        );
        let missing = read_images(Path::new("no/such/file")).unwrap_err();
        assert!(
            missing
                .to_string()
                .starts_with("no/such/file: cannot be read")
        );
    }
}
