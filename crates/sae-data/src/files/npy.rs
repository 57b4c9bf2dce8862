//! NumPy's arrays as rows: `.npy` files, and `.npz` archives with arrays by name.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::numbers::{Kind, Number};
use super::strided::{Place, Strided};
use crate::message::shown;
use crate::npy::{Header, npz_start, split, unpack_npz_entry};
use crate::{DataError, ImageShape};

/// How far into a file its header may reach, far beyond what NumPy writes.
const MOST_START: u64 = 1 << 20;

/// How NumPy calls a kind of number, for example `<f4`; nothing for all that is no number.
fn kind(text: &str) -> Option<Kind> {
    let (order, name) = text.split_at_checked(1)?;
    let number = match name {
        "b1" => Number::Bool,
        "u1" => Number::U8,
        "i1" => Number::I8,
        "u2" => Number::U16,
        "i2" => Number::I16,
        "u4" => Number::U32,
        "i4" => Number::I32,
        "u8" => Number::U64,
        "i8" => Number::I64,
        "f2" => Number::F16,
        "f4" => Number::F32,
        "f8" => Number::F64,
        _ => return None,
    };
    match order {
        "<" | "|" | "=" => Some(Kind::little(number)),
        ">" => Some(Kind {
            number,
            big_endian: true,
        }),
        _ => None,
    }
}

/// The array of an `.npy` file, in place. A vector is a matrix of one column; of more than two
/// dimensions all but the first make a row.
pub(super) fn open(path: &Path) -> Result<Strided, DataError> {
    let wrong = |source| DataError::unreadable(path, source);
    let mut file = File::open(path).map_err(wrong)?;
    let length = file.metadata().map_err(wrong)?.len();
    let mut start = Vec::new();
    Read::take(&mut file, MOST_START)
        .read_to_end(&mut start)
        .map_err(wrong)?;
    Ok(Strided::new(place_in(path, "", &start, length)?, file))
}

/// The array called `name` of an `.npz` archive, or the only one where there is no name. It is unpacked,
/// because only then its checksum is known to be right; into a temporary file, and no more of it than its
/// header says.
pub(super) fn open_entry(path: &Path, name: &str) -> Result<Strided, DataError> {
    let (name, start, length) = npz_start(path, name, MOST_START)?;
    let place = place_in(path, &format!("{name} "), &start, length)?;
    Ok(Strided::new(place, unpack_npz_entry(path, &name)?))
}

/// Where the values of an array lie, of which `start` holds the header and `length` is the length;
/// `what` begins messages.
fn place_in(path: &Path, what: &str, start: &[u8], length: u64) -> Result<Place, DataError> {
    let refuse = |found: String, expected: String| {
        Err(DataError::format(path, format!("{what}{found}"), expected))
    };
    let header = split(start)
        .and_then(|(text, data)| Some((Header::parse(text)?, (start.len() - data.len()) as u64)));
    let Some((header, offset)) = header else {
        return refuse("has no NPY header".to_owned(), "an NPY array".to_owned());
    };
    let place = place(path, what, &header, offset)?;
    let held = length - offset;
    if place.bytes() == Some(held) {
        return Ok(place);
    }
    refuse(
        format!("holds {held} bytes of values"),
        format!(
            "as many as the shape {:?} of {} takes",
            header.shape, header.kind
        ),
    )
}

fn place(path: &Path, what: &str, header: &Header, offset: u64) -> Result<Place, DataError> {
    let kind = kind(&header.kind).ok_or_else(|| {
        let found = format!("{what}has the type {}", shown(&header.kind));
        DataError::format(
            path,
            found,
            "numbers: bool, ints, float16, float32 or float64",
        )
    })?;
    let Some((&rows, row)) = header.shape.split_first() else {
        let found = format!("{what}holds a single number");
        return Err(DataError::format(path, found, "a matrix [rows, columns]"));
    };
    if header.fortran_order && row.len() > 1 {
        let found = format!(
            "{what}holds an array of shape {:?} in Fortran order",
            header.shape
        );
        let expected = "C order, or a matrix [rows, columns]";
        return Err(DataError::format(path, found, expected));
    }
    let columns = row
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size));
    let columns = columns.ok_or_else(|| {
        let found = format!("{what}announces the shape {:?}", header.shape);
        DataError::format(path, found, "a shape that fits in a file")
    })?;
    Ok(Place {
        path: path.to_owned(),
        offset,
        kind,
        rows,
        columns,
        image: image(row),
        by_columns: header.fortran_order && !row.is_empty(),
    })
}

/// The image that a row of such a shape is: [height, width], or with one or three values per pixel.
fn image(row: &[usize]) -> Option<ImageShape> {
    let (height, width, channels) = match *row {
        [height, width] => (height, width, 1),
        [height, width, channels @ (1 | 3)] => (height, width, channels),
        _ => return None,
    };
    Some(ImageShape {
        height,
        width,
        channels,
    })
}
