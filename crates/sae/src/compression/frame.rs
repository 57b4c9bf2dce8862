//! The parts of a file of compressed codes, with their checksums.

use std::io::{ErrorKind, Read, Write};

use super::block::longest;
use super::error::CompressionError;

const MAGIC: &[u8; 8] = b"SAECODES";
/// The version that is written and read.
const FORMAT: u32 = 1;

/// Bytes of a model's fingerprint.
pub(super) const FINGERPRINT: usize = 32;
/// Bytes of the header.
pub(super) const HEADER: usize = 8 + 3 * 4 + FINGERPRINT + 4;
/// Bytes of a block's own header.
pub(super) const BLOCK_HEADER: usize = 3 * 4;
/// Bytes of the end.
pub(super) const END: usize = BLOCK_HEADER + 8;

/// What a file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub bits: u32,
    pub width: u32,
    pub fingerprint: [u8; FINGERPRINT],
}

/// A block or the end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Block { rows: usize, bytes: Vec<u8> },
    End { rows: u64 },
}

impl Header {
    pub fn write(&self, out: &mut impl Write) -> Result<(), CompressionError> {
        let numbers = [FORMAT, self.bits, self.width].map(u32::to_le_bytes);
        let mut bytes = [&MAGIC[..], numbers.as_flattened(), &self.fingerprint].concat();
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        out.write_all(&bytes).map_err(CompressionError::Write)
    }

    /// # Errors
    ///
    /// Refuses what is no header of this format.
    pub fn read(input: &mut impl Read) -> Result<Self, CompressionError> {
        let mut magic = [0; MAGIC.len()];
        match filled(input, &mut magic, 0) {
            Err(CompressionError::Short { .. }) => return Err(CompressionError::NotCodes),
            other => other?,
        }
        if magic != *MAGIC {
            return Err(CompressionError::NotCodes);
        }
        let mut rest = [0; HEADER - MAGIC.len()];
        // The format comes first: that of another version may go on differently.
        let (format, others) = rest.split_at_mut(4);
        filled(input, format, 0)?;
        let found = number(format);
        if found != FORMAT {
            let known = FORMAT;
            return Err(CompressionError::Format { found, known });
        }
        filled(input, others, 0)?;
        let (fields, crc) = rest.split_at(rest.len() - 4);
        if crc32fast::hash(&[&magic[..], fields].concat()) != number(crc) {
            return Err(damaged(0, "the checksum of the header is wrong"));
        }
        let (bits, width) = (number(&fields[4..8]), number(&fields[8..12]));
        if !(1..=8).contains(&bits) {
            return Err(damaged(0, "values have no bits from 1 to 8"));
        }
        let mut fingerprint = [0; FINGERPRINT];
        fingerprint.copy_from_slice(&fields[12..]);
        Ok(Self {
            bits,
            width,
            fingerprint,
        })
    }
}

/// Writes a block of at least one row, whose bytes are at most [`longest`]; returns its bytes with its
/// header.
pub(super) fn write_block(
    out: &mut impl Write,
    rows: usize,
    bytes: &[u8],
) -> Result<u64, CompressionError> {
    let head = [rows as u32, bytes.len() as u32].map(u32::to_le_bytes);
    let crc = checksum(head.as_flattened(), bytes).to_le_bytes();
    let all = [head.as_flattened(), &crc, bytes].concat();
    out.write_all(&all).map_err(CompressionError::Write)?;
    Ok(all.len() as u64)
}

/// Writes the end of a file of `rows` rows.
pub(super) fn write_end(out: &mut impl Write, rows: u64) -> Result<(), CompressionError> {
    write_block(out, 0, &rows.to_le_bytes())?;
    out.flush().map_err(CompressionError::Write)
}

/// The next part of a file of which `before` rows were read, in blocks of at most `most` rows of `width`
/// values.
///
/// # Errors
///
/// Refuses what is damaged or ends too early.
pub(super) fn read_frame(
    input: &mut impl Read,
    (most, width): (usize, usize),
    before: u64,
) -> Result<Frame, CompressionError> {
    let mut head = [0; BLOCK_HEADER];
    filled(input, &mut head, before)?;
    let [rows, length, crc] = [0, 4, 8].map(|at| number(&head[at..at + 4]));
    let (rows, length) = (rows as usize, length as usize);
    let expected = match rows {
        0 => 8..=8,
        _ => 0..=longest(rows.min(most), width),
    };
    if rows > most || !expected.contains(&length) {
        return Err(damaged(before, "the header of a block is wrong"));
    }
    // Grows with what is there, not by what the header promises.
    let mut bytes = Vec::new();
    let read = input.take(length as u64).read_to_end(&mut bytes);
    if read.map_err(CompressionError::Read)? < length {
        return Err(CompressionError::Short { rows: before });
    }
    if checksum(&head[..8], &bytes) != crc {
        return Err(damaged(before, "the checksum of a block is wrong"));
    }
    Ok(match (rows, <[u8; 8]>::try_from(&bytes[..])) {
        (0, Ok(count)) => Frame::End {
            rows: u64::from_le_bytes(count),
        },
        _ => Frame::Block { rows, bytes },
    })
}

/// Checks that nothing comes any more.
///
/// # Errors
///
/// Refuses more bytes.
pub(super) fn check_end(input: &mut impl Read, before: u64) -> Result<(), CompressionError> {
    match filled(input, &mut [0], before) {
        Err(CompressionError::Short { .. }) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => Err(damaged(before, "something follows the end")),
    }
}

pub(super) fn damaged(rows: u64, problem: &'static str) -> CompressionError {
    CompressionError::Damaged { rows, problem }
}

fn checksum(head: &[u8], bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(bytes);
    hasher.finalize()
}

fn filled(input: &mut impl Read, bytes: &mut [u8], before: u64) -> Result<(), CompressionError> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => CompressionError::Short { rows: before },
        _ => CompressionError::Read(error),
    })
}

/// The first four bytes as a number.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .take(4)
        .rev()
        .fold(0, |number, &byte| (number << 8) | u32::from(byte))
}
