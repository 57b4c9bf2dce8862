//! NumPy's array files: `.npy`, and `.npz` with arrays by name.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use npyz::npz::NpzArchive;
use npyz::{NpyFile, Order};

use crate::DataError;

/// An array of numbers, in C order (row by row), whatever the file's order was.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f64>,
}

/// Reads an `.npy` file of `float32` or `float64`.
///
/// # Errors
///
/// Refuses files that are not NPY, are damaged, or hold another type.
pub fn read_npy(path: &Path) -> Result<Array, DataError> {
    let file = File::open(path).map_err(|source| DataError::Read {
        path: path.to_owned(),
        source,
    })?;
    let array = NpyFile::new(BufReader::new(file)).map_err(|error| wrong(path, error, "NPY"))?;
    convert(path, "array", array)
}

/// Reads the array called `name` of an `.npz` file.
///
/// # Errors
///
/// As [`read_npy`]; where there is no array of that name the error lists the names.
pub fn read_npz(path: &Path, name: &str) -> Result<Array, DataError> {
    let mut archive =
        NpzArchive::open(path).map_err(|error| wrong(path, error, "an NPZ archive"))?;
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let array = archive
        .by_name(name)
        .map_err(|error| wrong(path, error, "an NPZ archive"))?;
    let array = array.ok_or_else(|| DataError::Format {
        path: path.to_owned(),
        found: format!("has no array `{name}`"),
        expected: format!("one of {}", names.join(", ")),
    })?;
    convert(path, name, array)
}

fn convert<R: Read>(path: &Path, name: &str, array: NpyFile<R>) -> Result<Array, DataError> {
    let shape: Vec<usize> = array.shape().iter().map(|&n| n as usize).collect();
    let order = array.order();
    let kind = array.dtype().descr();
    let damaged = |error: std::io::Error| wrong(path, error, "a whole array");
    let values: Vec<f64> = match kind.trim_matches('\'') {
        "<f8" | ">f8" => array.into_vec::<f64>().map_err(damaged)?,
        "<f4" | ">f4" => {
            let values = array.into_vec::<f32>().map_err(damaged)?;
            values.into_iter().map(f64::from).collect()
        }
        other => {
            return Err(DataError::Format {
                path: path.to_owned(),
                found: format!("{name} has the type {other}"),
                expected: "float32 or float64".to_owned(),
            });
        }
    };
    let values = match (order, &shape[..]) {
        (Order::Fortran, &[rows, columns]) => (0..rows * columns)
            .map(|i| values[(i % columns) * rows + i / columns])
            .collect(),
        _ => values,
    };
    Ok(Array { shape, values })
}

fn wrong(path: &Path, error: std::io::Error, expected: &str) -> DataError {
    DataError::Format {
        path: path.to_owned(),
        found: error.to_string(),
        expected: expected.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A file as the format's description has it: magic, version 1.0, header length, header padded
    /// to 64 bytes, values.
    fn npy(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> tempfile::NamedTempFile {
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
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        file
    }

    fn doubles(values: &[f64]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    #[test]
    fn both_orders_become_rows() {
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let columns = [1.0, 4.0, 2.0, 5.0, 3.0, 6.0];
        for (fortran, values) in [(false, rows), (true, columns)] {
            let file = npy("<f8", fortran, "(2, 3)", &doubles(&values));
            let array = read_npy(file.path()).unwrap();
            assert_eq!((array.shape, array.values), (vec![2, 3], rows.to_vec()));
        }
    }

    #[test]
    fn single_precision_is_read() {
        let bytes: Vec<u8> = [0.5f32, -2.0]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let array = read_npy(npy("<f4", false, "(2,)", &bytes).path()).unwrap();
        assert_eq!((array.shape, array.values), (vec![2], vec![0.5, -2.0]));
    }

    #[test]
    fn what_is_not_such_an_array_is_refused() {
        let message =
            |file: tempfile::NamedTempFile| read_npy(file.path()).unwrap_err().to_string();
        let integers = message(npy("<i8", false, "(1,)", &[0; 8]));
        assert!(integers.contains("has the type <i8"), "{integers}");
        message(npy("<f8", false, "(3,)", &[0; 8]));
        let mut text = tempfile::NamedTempFile::new().unwrap();
        text.write_all(b"hello").unwrap();
        message(text);
    }
}
