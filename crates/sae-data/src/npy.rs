//! NumPy's array files: `.npy`, and `.npz` with arrays by name.
//!
//! The header is read here and not by a library, because a damaged one must neither overflow nor
//! ask for memory that the file cannot fill (NumPy Enhancement Proposal 1 describes the format).

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::Path;

use zip::ZipArchive;
use zip::read::ZipFile;

use crate::message::shown;
use crate::{DataError, memory};

/// How every NPY file begins.
const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself takes no more.
const MOST_DIMENSIONS: usize = 64;
/// What is expected of an NPZ file.
const ARCHIVE: &str = "an NPZ archive";

/// An array of numbers, in C order (row by row), whatever the file's order was.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f64>,
}

impl Array {
    /// Checks that every value is a finite number; `path` and `name` are those of the array, for
    /// the error.
    ///
    /// # Errors
    ///
    /// Names the first value that is not finite, by its index.
    pub fn check_finite(&self, path: &Path, name: &str) -> Result<(), DataError> {
        let Some(place) = self.values.iter().position(|value| !value.is_finite()) else {
            return Ok(());
        };
        let found = format!(
            "{name}{:?} is {} (counted from 0)",
            self.index_of(place),
            self.values[place]
        );
        Err(DataError::format(path, found, "finite numbers"))
    }

    /// The index, one number per dimension, of the value at a place of `values`.
    fn index_of(&self, mut place: usize) -> Vec<usize> {
        let mut index: Vec<usize> = Vec::new();
        for size in self.shape.iter().rev() {
            index.insert(0, place % size);
            place /= size;
        }
        index
    }
}

/// Reads an `.npy` file of `float32` or `float64`.
///
/// # Errors
///
/// Refuses files that are not NPY, are damaged, hold another type, or go on after the array.
pub fn read_npy(path: &Path) -> Result<Array, DataError> {
    let bytes = std::fs::read(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(path, "array", &bytes)
}

/// Reads the array called `name` of an `.npz` file.
///
/// # Errors
///
/// As [`read_npy`]; where there is no array of that name the error lists the names. Refuses an
/// array whose checksum is wrong.
pub fn read_npz(path: &Path, name: &str) -> Result<Array, DataError> {
    let (name, bytes) = read_npz_bytes(path, name)?;
    parse(path, &name, &bytes)
}

/// Reads the array of an `.npz` file that has only one.
///
/// # Errors
///
/// As [`read_npz`]; where there are several arrays the error lists their names.
pub fn read_npz_only(path: &Path) -> Result<Array, DataError> {
    read_npz(path, "")
}

/// The bytes of the array called `name`, or of the only one where there is no name; with its name.
fn read_npz_bytes(path: &Path, name: &str) -> Result<(String, Vec<u8>), DataError> {
    let mut archive = open(path)?;
    let name = chosen(path, &archive, name)?;
    let mut bytes = Vec::new();
    copy_entry(path, &mut archive, &name, memory::available(), &mut bytes)?;
    Ok((name, bytes))
}

/// The first bytes of the array called `name`, or of the only one where there is no name; with its name
/// and the length that the archive announces.
pub(crate) fn npz_start(
    path: &Path,
    name: &str,
    most: u64,
) -> Result<(String, Vec<u8>, u64), DataError> {
    let mut archive = open(path)?;
    let name = chosen(path, &archive, name)?;
    let mut start = Vec::new();
    let entry = entry(path, &mut archive, &name)?;
    let announced = entry.size();
    let read = entry.take(most).read_to_end(&mut start);
    read.map_err(|error| damaged(path, &name, &error))?;
    Ok((name, start, announced))
}

/// The array called `name`, unpacked into a temporary file that has no name itself.
pub(crate) fn unpack_npz_entry(path: &Path, name: &str) -> Result<File, DataError> {
    let no_room = |source| DataError::no_room(&path.display().to_string(), source);
    let mut file = tempfile::tempfile().map_err(no_room)?;
    copy_entry(path, &mut open(path)?, name, u128::MAX, &mut file)?;
    Ok(file)
}

/// The name that is meant.
fn chosen(path: &Path, archive: &Archive, name: &str) -> Result<String, DataError> {
    let names = names(archive);
    let held = shown(&names.join(", "));
    let name = match (&names[..], name) {
        ([only], "") => only,
        (names, "") => {
            let found = format!("holds {} arrays: {held}", names.len());
            return Err(DataError::format(path, found, "one, or the name of one"));
        }
        (names, name) => match names.iter().find(|known| *known == name) {
            Some(name) => name,
            None => {
                let found = format!("has no array `{}`", shown(name));
                return Err(DataError::format(path, found, format!("one of {held}")));
            }
        },
    };
    Ok(name.clone())
}

type Archive = ZipArchive<BufReader<File>>;

/// What NumPy adds to the names of arrays.
const SUFFIX: &str = ".npy";

fn open(path: &Path) -> Result<Archive, DataError> {
    let file = File::open(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })?;
    let archive = ZipArchive::new(BufReader::new(file));
    archive.map_err(|error| DataError::format(path, error.to_string(), ARCHIVE))
}

fn names(archive: &Archive) -> Vec<String> {
    let files = archive.file_names().flatten();
    let array = |name: Cow<'_, str>| name.strip_suffix(SUFFIX).map(str::to_owned);
    let mut names: Vec<String> = files.filter_map(array).collect();
    names.sort_unstable();
    names
}

/// The entry of an array.
fn entry<'a>(
    path: &Path,
    archive: &'a mut Archive,
    name: &str,
) -> Result<ZipFile<'a, BufReader<File>>, DataError> {
    let entry = archive.by_name(&format!("{name}{SUFFIX}"));
    entry.map_err(|error| DataError::format(path, error.to_string(), ARCHIVE))
}

fn damaged(path: &Path, name: &str, error: &std::io::Error) -> DataError {
    let found = format!("{name} is damaged: {error}");
    DataError::format(path, found, "an undamaged archive")
}

/// Unpacks an array of at most `most` bytes, to the end of its entry, where the archive's reader compares
/// checksums; says how many it has.
fn copy_entry(
    path: &Path,
    archive: &mut Archive,
    name: &str,
    most: u128,
    to: &mut dyn Write,
) -> Result<u64, DataError> {
    let mut entry = entry(path, archive, name)?;
    let announced = entry.size();
    if u128::from(announced) > most {
        let found = format!("announces {announced} bytes for {name}");
        return Err(DataError::format(
            path,
            found,
            "an array that fits in memory",
        ));
    }
    let copied = std::io::copy(&mut (&mut entry).take(announced + 1), to);
    let copied = copied.map_err(|error| match error.kind() {
        ErrorKind::StorageFull => DataError::no_room(&path.display().to_string(), error),
        _ => damaged(path, name, &error),
    })?;
    if copied != announced {
        let found = format!("does not hold the {announced} bytes that it announces for {name}");
        return Err(DataError::format(path, found, "an undamaged archive"));
    }
    Ok(copied)
}

/// The array in the bytes of an NPY file.
fn parse(path: &Path, name: &str, bytes: &[u8]) -> Result<Array, DataError> {
    let no_array = || DataError::format(path, format!("{name} has no NPY header"), "an NPY array");
    let (header, data) = split(bytes).ok_or_else(no_array)?;
    let header = Header::parse(header).ok_or_else(no_array)?;
    let kind = header.kind.as_str();
    let values: Option<Vec<f64>> = match kind {
        "<f8" => header.values(data, f64::from_le_bytes),
        ">f8" => header.values(data, f64::from_be_bytes),
        "<f4" => header.values(data, |bytes| f32::from_le_bytes(bytes).into()),
        ">f4" => header.values(data, |bytes| f32::from_be_bytes(bytes).into()),
        other => {
            let found = format!("{name} has the type {other}");
            return Err(DataError::format(path, found, "float32 or float64"));
        }
    };
    let values = values.ok_or_else(|| {
        let found = format!("{name} holds {} bytes of values", data.len());
        let expected = format!("as many as the shape {:?} of {kind} takes", header.shape);
        DataError::format(path, found, expected)
    })?;
    Ok(Array {
        values: match header.fortran_order {
            true => by_rows(&values, &header.shape),
            false => values,
        },
        shape: header.shape,
    })
}

/// The header's text and what follows it; nothing where the bytes are no NPY file.
pub(crate) fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (&[major, _minor], rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    let (length, rest) = if major == 1 {
        let (&length, rest) = rest.split_first_chunk()?;
        (usize::from(u16::from_le_bytes(length)), rest)
    } else {
        let (&length, rest) = rest.split_first_chunk()?;
        (u32::from_le_bytes(length) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

/// What the header of an NPY file says.
pub(crate) struct Header {
    pub kind: String,
    pub fortran_order: bool,
    pub shape: Vec<usize>,
}

impl Header {
    /// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.replace('"', "'");
        let field = |key: &str| -> Option<&str> {
            let (_, value) = text.split_once(&format!("'{key}':"))?;
            Some(value.trim_start())
        };
        let kind = match field("descr")?.strip_prefix('\'') {
            Some(rest) => rest.split_once('\'')?.0,
            None => "of a structure",
        };
        let (sizes, _) = field("shape")?.strip_prefix('(')?.split_once(')')?;
        let sizes = sizes.split(',').map(str::trim).filter(|s| !s.is_empty());
        let shape: Vec<usize> = sizes.map(|size| size.parse().ok()).collect::<Option<_>>()?;
        (shape.len() <= MOST_DIMENSIONS).then_some(Self {
            kind: kind.to_owned(),
            fortran_order: field("fortran_order")?.starts_with("True"),
            shape,
        })
    }

    /// The values of N bytes each; nothing where `data` is not as long as the shape says.
    fn values<const N: usize>(
        &self,
        data: &[u8],
        convert: impl Fn([u8; N]) -> f64,
    ) -> Option<Vec<f64>> {
        let sizes = self.shape.iter();
        let bytes = sizes.copied().try_fold(N, usize::checked_mul)?;
        let (values, _) = data.as_chunks::<N>();
        (bytes == data.len()).then(|| values.iter().map(|&value| convert(value)).collect())
    }
}

/// Values in Fortran order (the first index runs fastest) in C order (the last one does).
fn by_rows(values: &[f64], shape: &[usize]) -> Vec<f64> {
    let strides: Vec<usize> = shape
        .iter()
        .scan(1, |next, size| {
            let stride = *next;
            *next *= size;
            Some(stride)
        })
        .collect();
    let place = |mut index: usize| -> usize {
        let mut place = 0;
        for (size, stride) in shape.iter().zip(&strides).rev() {
            place += index % size * stride;
            index /= size;
        }
        place
    };
    (0..values.len())
        .map(|index| values[place(index)])
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A file as the format's description has it: magic, version 1.0, header length, header padded
    /// to 64 bytes, values.
    fn npy(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
        let order = if fortran { "True" } else { "False" };
        let mut header =
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(values);
        bytes
    }

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn read(bytes: &[u8]) -> Result<Array, String> {
        read_npy(file(bytes).path()).map_err(|error| error.to_string())
    }

    fn doubles(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn both_orders_become_rows() {
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let columns = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
        for (fortran, values) in [(false, rows), (true, columns)] {
            let array = read(&npy("<f8", fortran, "(2, 3)", &doubles(&values))).unwrap();
            assert_eq!((array.shape, array.values), (vec![2, 3], rows.to_vec()));
        }
    }

    /// NumPy: `arange(8).reshape(2, 2, 2)` lies in Fortran order as 0 4 2 6 1 5 3 7.
    #[test]
    fn three_dimensions_become_rows() {
        let values = [0.0, 4.0, 2.0, 6.0, 1.0, 5.0, 3.0, 7.0];
        let array = read(&npy("<f8", true, "(2, 2, 2)", &doubles(&values))).unwrap();
        assert_eq!(array.values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    }

    #[test]
    fn single_precision_is_read() {
        for (kind, bytes) in [
            ("<f4", [0.5f32.to_le_bytes(), (-2f32).to_le_bytes()]),
            (">f4", [0.5f32.to_be_bytes(), (-2f32).to_be_bytes()]),
        ] {
            let array = read(&npy(kind, false, "(2,)", bytes.as_flattened())).unwrap();
            assert_eq!((array.shape, array.values), (vec![2], vec![0.5, -2.0]));
        }
    }

    #[test]
    fn what_is_not_such_an_array_is_refused() {
        let message = |bytes: &[u8]| read(bytes).unwrap_err();
        let integers = message(&npy("<i8", false, "(1,)", &[0; 8]));
        assert!(integers.contains("has the type <i8"), "{integers}");
        let text = message(b"hello");
        assert!(text.contains("has no NPY header"), "{text}");
        let whole = npy("<f8", false, "(1,)", &[0; 8]);
        for length in 0..whole.len() {
            message(&whole[..length]);
        }
    }

    #[test]
    fn the_values_are_as_many_as_the_shape_says() {
        for (shape, bytes) in [
            ("(3,)", 8),
            ("(3,)", 25),
            ("(18446744073709551615, 2)", 16),
            ("(4294967296, 4294967296, 4294967296)", 0),
        ] {
            let found = read(&npy("<f8", false, shape, &vec![0; bytes])).unwrap_err();
            let expected = format!("holds {bytes} bytes of values; expected as many as the shape");
            assert!(found.contains(&expected), "{found}");
        }
        let mut long_header = npy("<f8", false, "(1,)", &[0; 8]);
        long_header[6] = 2;
        long_header[8..12].fill(0xff);
        assert!(read(&long_header).is_err());
    }

    #[test]
    fn what_is_not_finite_is_named() {
        let array = Array {
            shape: vec![2, 3],
            values: vec![0.0, 1.0, 2.0, 3.0, f64::NAN, f64::INFINITY],
        };
        let error = array.check_finite(Path::new("w.npz"), "w").unwrap_err();
        assert_eq!(
            error.to_string(),
            "w.npz: w[1, 1] is NaN (counted from 0); expected finite numbers"
        );
    }

    /// An archive with stored entries: local headers, then the directory.
    fn npz(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for (name, data) in entries {
            let mut crc = flate2::Crc::new();
            crc.update(data);
            let name = format!("{name}.npy");
            let size = (data.len() as u32).to_le_bytes();
            let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            common.extend(crc.sum().to_le_bytes());
            common.extend(size);
            common.extend(size);
            common.extend((name.len() as u16).to_le_bytes());
            common.extend([0, 0]);
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&common);
            directory.extend([0; 10]);
            directory.extend((bytes.len() as u32).to_le_bytes());
            directory.extend(name.as_bytes());
            bytes.extend(b"PK\x03\x04");
            bytes.extend(&common);
            bytes.extend(name.as_bytes());
            bytes.extend(data);
        }
        let start = bytes.len() as u32;
        bytes.extend(&directory);
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend([entries.len() as u8, 0, entries.len() as u8, 0]);
        bytes.extend((directory.len() as u32).to_le_bytes());
        bytes.extend(start.to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    #[test]
    fn an_only_array_needs_no_name() {
        let array = |value| npy("<f8", false, "(1,)", &doubles(&[value]));
        let one = file(&npz(&[("a", array(3.0))]));
        assert_eq!(read_npz_only(one.path()).unwrap().values, [3.0]);
        let two = file(&npz(&[("b", array(3.0)), ("a", array(4.0))]));
        assert_eq!(read_npz(two.path(), "a").unwrap().values, [4.0]);
        let message = read_npz_only(two.path()).unwrap_err().to_string();
        assert!(
            message.ends_with("holds 2 arrays: a, b; expected one, or the name of one"),
            "{message}"
        );
        let message = read_npz(two.path(), "c").unwrap_err().to_string();
        assert!(
            message.ends_with("has no array `c`; expected one of a, b"),
            "{message}"
        );
    }

    /// A value's bit that flips leaves a file that looks whole; only the checksum tells.
    #[test]
    fn a_flipped_byte_is_found() {
        let data = npy("<f8", false, "(1,)", &doubles(&[3.0]));
        let mut bytes = npz(&[("a", data.clone())]);
        let value = 30 + "a.npy".len() + data.len() - 1;
        bytes[value] ^= 1;
        let message = read_npz_only(file(&bytes).path()).unwrap_err().to_string();
        assert!(
            message.contains("a is damaged: Invalid checksum"),
            "{message}"
        );
    }

    #[test]
    fn an_entry_ends_with_its_array() {
        let mut data = npy("<f8", false, "(1,)", &doubles(&[3.0]));
        data.push(0);
        let message = read_npz_only(file(&npz(&[("a", data)])).path());
        let message = message.unwrap_err().to_string();
        assert!(message.contains("a holds 9 bytes of values"), "{message}");
    }
}
