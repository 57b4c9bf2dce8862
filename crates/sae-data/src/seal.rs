//! The seal of safetensors files: their last array is the BLAKE3 hash of all bytes before it.
//!
//! To every reader of such files it is one more array, `seal.blake3`, of 32 bytes. Whoever wants to check it
//! hashes the file without its last 32 bytes, with any tool.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorInfo, TensorView};

use crate::TensorsError;

/// The name of the array. Arrays are ordered by the size of their numbers and then by name; others of bytes
/// must have names before it.
const SEAL: &str = "seal.blake3";
const LENGTH: usize = blake3::OUT_LEN;

/// Whether a file was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// It was, and is as it was then.
    Whole,
    /// It was not: another program or an older version wrote it.
    Missing,
}

/// The bytes of a sealed file. The same arrays give the same bytes.
///
/// # Errors
///
/// Refuses two arrays of one name.
pub fn sealed<'a>(
    arrays: impl IntoIterator<Item = (&'a str, TensorView<'a>)>,
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, SafeTensorError> {
    let seal = TensorView::new(Dtype::U8, vec![LENGTH], &[0; LENGTH])?;
    let all = arrays.into_iter().chain([(SEAL, seal)]);
    let mut bytes = safetensors::serialize(all, metadata)?;
    let end = bytes.len() - LENGTH;
    let hash = blake3::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(hash.as_bytes());
    Ok(bytes)
}

/// As [`check`], of a file that must be sealed.
///
/// # Errors
///
/// As [`check`]; refuses a file without a seal.
pub fn demand(bytes: &[u8]) -> Result<(), TensorsError> {
    match check(bytes)? {
        Seal::Whole => Ok(()),
        Seal::Missing => Err(TensorsError::Unsealed),
    }
}

/// Whether a safetensors file is as it was when it was sealed.
///
/// # Errors
///
/// Refuses bytes that are no such file, and a file that was changed since.
pub fn check(bytes: &[u8]) -> Result<Seal, TensorsError> {
    let format = |error: SafeTensorError| TensorsError::Format(error.to_string());
    let (start, header) = SafeTensors::read_metadata(bytes).map_err(format)?;
    let begin = size_of::<u64>() + start;
    let is_last = |seal: &&TensorInfo| {
        let (first, end) = seal.data_offsets;
        seal.dtype == Dtype::U8 && end - first == LENGTH && begin + end == bytes.len()
    };
    if header.info(SEAL).filter(is_last).is_none() {
        return Ok(Seal::Missing);
    }
    let (body, seal) = bytes.split_at(bytes.len() - LENGTH);
    match blake3::hash(body).as_bytes() == seal {
        true => Ok(Seal::Whole),
        false => Err(TensorsError::Broken),
    }
}
