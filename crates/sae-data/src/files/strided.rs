//! A matrix of numbers, wherever its bytes lie.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::numbers::{Kind, Number};
use crate::rows::{Chunk, Layout, Reader};
use crate::samples::first_not_finite;
use crate::{DataError, ImageShape, Samples, Store, memory};

/// Where a matrix lies in a file, and how.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub path: PathBuf,
    /// The byte at which it begins.
    pub offset: u64,
    pub kind: Kind,
    pub rows: usize,
    pub columns: usize,
    /// The image that a row is, where the file says so.
    pub image: Option<ImageShape>,
    /// Column by column instead of row by row.
    pub by_columns: bool,
}

impl Place {
    /// Bytes of the whole matrix; nothing where no file can have so many.
    pub(super) fn bytes(&self) -> Option<u64> {
        let sizes = [self.rows, self.columns, self.kind.number.size()];
        let mut sizes = sizes.iter().map(|&size| size as u64);
        sizes.try_fold(1u64, u64::checked_mul)
    }
}

/// Reads rows of a matrix wherever they lie in its file. Nothing is kept in memory: what is read often
/// stays in the system's own cache.
#[derive(Debug)]
pub(super) struct Strided {
    place: Place,
    file: File,
}

impl Strided {
    /// A matrix whose bytes are all there.
    pub(super) fn new(place: Place, file: File) -> Self {
        Self { place, file }
    }

    /// The rows from `first` on.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be read or has become shorter; refuses numbers that are not
    /// finite.
    pub(super) fn rows(&self, first: usize, count: usize) -> Result<Samples, DataError> {
        let Place { columns, kind, .. } = self.place;
        let bytes = self.bytes(first, count)?;
        let samples = kind.samples(columns, &bytes);
        match samples.first_not_finite() {
            None => Ok(samples),
            Some((row, column)) => {
                let value = samples.gather_doubles(&[row])[column];
                Err(self.not_finite(first + row, column, value))
            }
        }
    }

    fn not_finite(&self, row: usize, column: usize, value: f64) -> DataError {
        let found = format!("holds {value:e} in row {row}, column {column} (counted from 0)");
        let expected = match value.is_finite() {
            true => "numbers that single precision holds, up to 3.4e38",
            false => "finite numbers",
        };
        DataError::format(&self.place.path, found, expected)
    }

    /// Whether the bytes of rows are those of the same rows in memory.
    fn lies_as_in_memory(&self, number: Number) -> bool {
        let kind = self.place.kind;
        let turned = number.size() > 1 && kind.big_endian != cfg!(target_endian = "big");
        kind.number == number && !self.place.by_columns && !turned
    }

    /// The whole numbers of a vector, as labels.
    ///
    /// # Errors
    ///
    /// As [`Strided::rows`]; refuses matrices and other numbers.
    pub(super) fn labels(&self) -> Result<Vec<String>, DataError> {
        let Place {
            rows,
            columns,
            kind,
            ..
        } = self.place;
        memory::check_labels(&self.place.path, rows)?;
        let labels = match columns {
            1 => kind.labels(&self.bytes(0, rows)?),
            _ => None,
        };
        labels.ok_or_else(|| {
            let found = format!("holds {columns} columns of {:?} for labels", kind.number);
            DataError::format(&self.place.path, found, "a vector of whole numbers")
        })
    }

    /// The bytes of rows, row by row.
    fn bytes(&self, first: usize, count: usize) -> Result<Vec<u8>, DataError> {
        let Place {
            rows,
            columns,
            kind,
            ..
        } = self.place;
        let size = kind.number.size();
        if !self.place.by_columns {
            let width = columns * size;
            let mut bytes = vec![0; count * width];
            self.read_at(first * width, &mut bytes)?;
            return Ok(bytes);
        }
        let mut bytes = vec![0; count * columns * size];
        let mut column = vec![0; count * size];
        for index in 0..columns {
            self.read_at((index * rows + first) * size, &mut column)?;
            for (row, number) in column.chunks_exact(size).enumerate() {
                bytes[(row * columns + index) * size..][..size].copy_from_slice(number);
            }
        }
        Ok(bytes)
    }

    fn read_at(&self, place: usize, bytes: &mut [u8]) -> Result<(), DataError> {
        let place = self.place.offset + place as u64;
        read_exact_at(&self.file, bytes, place).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => {
                let found = format!("ends before byte {}", place + bytes.len() as u64);
                DataError::format(&self.place.path, found, "a file that does not shrink")
            }
            _ => DataError::unreadable(&self.place.path, source),
        })
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], place: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, place)
}

#[cfg(not(unix))]
fn read_exact_at(file: &File, bytes: &mut [u8], place: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = file;
    file.seek(SeekFrom::Start(place))?;
    file.read_exact(bytes)
}

impl Store for Strided {
    fn width(&self) -> usize {
        self.place.columns
    }

    fn rows(&self) -> usize {
        self.place.rows
    }

    fn value_bytes(&self) -> usize {
        match self.place.kind.number {
            Number::U8 => 1,
            _ => size_of::<f32>(),
        }
    }

    fn append(&self, rows: Range<usize>, to: &mut Samples) -> Result<(), DataError> {
        let columns = self.place.columns;
        let (count, width) = (
            rows.len() * columns,
            columns * self.place.kind.number.size(),
        );
        match to {
            Samples::Bytes { values, .. } if self.lies_as_in_memory(Number::U8) => {
                let end = values.len();
                values.resize(end + count, 0);
                self.read_at(rows.start * width, &mut values[end..])
            }
            Samples::Floats { values, .. } if self.lies_as_in_memory(Number::F32) => {
                let end = values.len();
                values.resize(end + count, 0.0);
                let read = &mut values[end..];
                self.read_at(rows.start * width, bytemuck::cast_slice_mut(read))?;
                match first_not_finite(read) {
                    None => Ok(()),
                    Some(at) => {
                        let (row, column) = (rows.start + at / columns, at % columns);
                        Err(self.not_finite(row, column, f64::from(read[at])))
                    }
                }
            }
            to => to.extend(&Strided::rows(self, rows.start, rows.len())?),
        }
    }
}

/// Matrices of equal width, one after the other.
#[derive(Debug)]
struct Parts(Vec<Strided>);

impl Store for Parts {
    fn width(&self) -> usize {
        self.0[0].width()
    }

    fn rows(&self) -> usize {
        self.0.iter().map(Store::rows).sum()
    }

    fn value_bytes(&self) -> usize {
        self.0.iter().map(Store::value_bytes).max().unwrap_or(1)
    }

    fn append(&self, rows: Range<usize>, to: &mut Samples) -> Result<(), DataError> {
        let mut first = 0;
        for part in &self.0 {
            let end = first + part.place.rows;
            let own = rows.start.max(first)..rows.end.min(end);
            if !own.is_empty() {
                part.append(own.start - first..own.end - first, to)?;
            }
            first = end;
        }
        Ok(())
    }
}

/// Matrices of equal width, one after the other, with their labels.
pub(super) struct StridedReader {
    layout: Layout,
    parts: Arc<Parts>,
    labels: Vec<String>,
    next: usize,
}

impl StridedReader {
    /// Matrices, at least one, with the labels of all their rows, or none.
    ///
    /// # Errors
    ///
    /// Refuses matrices without columns or of different widths, and another number of labels.
    pub(super) fn new(parts: Vec<Strided>, labels: Vec<String>) -> Result<Self, DataError> {
        let first = &parts[0].place;
        for Strided { place, .. } in &parts {
            if place.columns != first.columns || place.columns == 0 {
                let found = format!("has {} columns", place.columns);
                let expected = match first.columns {
                    0 => "at least one".to_owned(),
                    columns => format!("{columns}, as {} has", first.path.display()),
                };
                return Err(DataError::format(&place.path, found, expected));
            }
        }
        let rows: usize = parts.iter().map(|part| part.place.rows).sum();
        if !labels.is_empty() && labels.len() != rows {
            let found = format!("holds {rows} rows, and there are {} labels", labels.len());
            return Err(DataError::format(&first.path, found, "one label per row"));
        }
        let layout = Layout {
            rows: Some(rows),
            labelled: !labels.is_empty(),
            image: first.image,
            ..Layout::table(first.columns)
        };
        Ok(Self {
            layout,
            parts: Arc::new(Parts(parts)),
            labels,
            next: 0,
        })
    }
}

impl Reader for StridedReader {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The rows of one matrix at most, in its own precision.
    fn read(&mut self, most: usize) -> Result<Option<Chunk>, DataError> {
        let mut first = self.next;
        for part in &self.parts.0 {
            if first >= part.place.rows {
                first -= part.place.rows;
                continue;
            }
            let count = most.min(part.place.rows - first);
            let samples = match part.lies_as_in_memory(Number::F32) {
                true => part.read(first..first + count)?,
                false => part.rows(first, count)?,
            };
            let rows = self.next..self.next + samples.rows();
            self.next = rows.end;
            let labels = self.labels.get(rows).unwrap_or_default().to_vec();
            return Ok(Some(Chunk { samples, labels }));
        }
        Ok(None)
    }

    /// Not of columns one after the other, of which a few rows lie all over the file.
    fn store(&self) -> Option<(Arc<dyn Store>, Vec<String>)> {
        let by_rows = self.parts.0.iter().all(|part| !part.place.by_columns);
        by_rows.then(|| (self.parts.clone() as Arc<dyn Store>, self.labels.clone()))
    }
}
