//! Tensors by name in a safetensors file, read in place.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ::safetensors::tensor::{Dtype, Metadata};

use super::numbers::{Kind, Number};
use super::strided::{Place, Strided};
use crate::DataError;
use crate::message::shown;

/// Longest header that is read, as of the library itself.
const MOST_HEADER: u64 = 100_000_000;
/// Bytes before the header, which hold its length.
const START: u64 = 8;

/// What is expected of a file.
const EXPECTED: &str = "a safetensors file";

/// The matrix called `name`, or the only one of two dimensions where there is no name.
pub(super) fn open(path: &Path, name: &str) -> Result<Strided, DataError> {
    let wrong = |source| DataError::unreadable(path, source);
    let mut file = File::open(path).map_err(wrong)?;
    let length = file.metadata().map_err(wrong)?.len();
    let mut start = Vec::new();
    Read::take(&mut file, START)
        .read_to_end(&mut start)
        .map_err(wrong)?;
    let header = <[u8; 8]>::try_from(start.as_slice()).map(u64::from_le_bytes);
    let header =
        header.map_err(|_| DataError::format(path, format!("has {length} bytes"), EXPECTED))?;
    if header > MOST_HEADER.min(length.saturating_sub(START)) {
        let found = format!("announces a header of {header} bytes in a file of {length}");
        return Err(DataError::format(path, found, EXPECTED));
    }
    let mut text = Vec::new();
    Read::take(&mut file, header)
        .read_to_end(&mut text)
        .map_err(wrong)?;
    let metadata: Metadata = serde_json::from_slice(&text).map_err(|error| {
        let found = format!("has a damaged header: {}", shown(&error.to_string()));
        DataError::format(path, found, EXPECTED)
    })?;
    let (held, announced) = (length - START - header, metadata.data_len() as u64);
    if held != announced {
        let found = format!("holds {held} bytes of values");
        let expected = format!("the {announced} that its header announces");
        return Err(DataError::format(path, found, expected));
    }
    let place = place(path, &metadata, name, START + header)?;
    Ok(Strided::new(place, file))
}

fn place(path: &Path, metadata: &Metadata, name: &str, values: u64) -> Result<Place, DataError> {
    let keys = metadata.offset_keys();
    let rank = |key: &String| metadata.info(key).map_or(0, |info| info.shape.len());
    let name = match name.is_empty() {
        false => name,
        true => {
            let matrices: Vec<&String> = keys.iter().filter(|key| rank(key) == 2).collect();
            match matrices[..] {
                [only] => only,
                _ => {
                    let found = format!("holds {} matrices of {}", matrices.len(), names(&keys));
                    let expected = "one, or its name in arrays.samples";
                    return Err(DataError::format(path, found, expected));
                }
            }
        }
    };
    let Some(info) = metadata.info(name) else {
        let found = format!("has no tensor `{}`", shown(name));
        return Err(DataError::format(
            path,
            found,
            format!("one of {}", names(&keys)),
        ));
    };
    let number = number(info.dtype).ok_or_else(|| {
        let found = format!("`{}` is of {}", shown(name), info.dtype);
        DataError::format(path, found, "bool, ints, f16, bf16, f32 or f64")
    })?;
    let (rows, columns) = match info.shape[..] {
        [rows] => (rows, 1),
        [rows, columns] => (rows, columns),
        _ => {
            let found = format!("`{}` has the shape {:?}", shown(name), info.shape);
            return Err(DataError::format(path, found, "a matrix [rows, columns]"));
        }
    };
    Ok(Place {
        path: path.to_owned(),
        offset: values + info.data_offsets.0 as u64,
        kind: Kind::little(number),
        rows,
        columns,
        image: None,
        by_columns: false,
    })
}

fn number(dtype: Dtype) -> Option<Number> {
    Some(match dtype {
        Dtype::BOOL => Number::Bool,
        Dtype::U8 => Number::U8,
        Dtype::I8 => Number::I8,
        Dtype::U16 => Number::U16,
        Dtype::I16 => Number::I16,
        Dtype::U32 => Number::U32,
        Dtype::I32 => Number::I32,
        Dtype::U64 => Number::U64,
        Dtype::I64 => Number::I64,
        Dtype::F16 => Number::F16,
        Dtype::BF16 => Number::Bf16,
        Dtype::F32 => Number::F32,
        Dtype::F64 => Number::F64,
        _ => return None,
    })
}

fn names(keys: &[String]) -> String {
    match keys.is_empty() {
        true => "no tensor at all".to_owned(),
        false => shown(&keys.join(", ")),
    }
}
