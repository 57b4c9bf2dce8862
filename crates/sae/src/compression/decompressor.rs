//! Compressed codes to rows.

use std::io::Read;

use sae_data::{Samples, Writer};

use super::block::Block;
use super::error::CompressionError;
use super::fingerprint::{fingerprint, shown};
use super::frame::{Frame, Header, check_end, damaged, read_frame};
use crate::{Error, Model};

/// Reads what a [`Compressor`](super::Compressor) wrote. The bytes may be anything: what is no whole file
/// of this model is an error, and takes no more memory than one would.
pub struct Decompressor<'a, R> {
    model: &'a Model,
    input: R,
    bits: u32,
    /// Rows that were read.
    rows: u64,
    /// Whether the end was read.
    ended: bool,
}

impl<'a, R: Read> Decompressor<'a, R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// Refuses what is no file of compressed codes, and one of another model.
    pub fn new(model: &'a Model, mut input: R) -> Result<Self, Error> {
        let header = Header::read(&mut input)?;
        let own = fingerprint(model);
        if header.fingerprint != own {
            let (wanted, found) = (shown(&header.fingerprint), shown(&own));
            return Err(CompressionError::OtherModel { wanted, found }.into());
        }
        if header.width as usize != model.compressed_width() {
            return Err(damaged(0, "its rows have another width than the model's codes").into());
        }
        Ok(Self {
            model,
            input,
            bits: header.bits,
            rows: 0,
            ended: false,
        })
    }

    /// Bits of each value.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// The next rows, `[rows, inputs]`, at least one of them; nothing after the last.
    ///
    /// # Errors
    ///
    /// Refuses what is damaged or not whole; fails where it cannot be read.
    pub fn read(&mut self) -> Result<Option<Samples>, Error> {
        if self.ended {
            return Ok(None);
        }
        let (most, width) = (self.model.compressed_rows(), self.model.compressed_width());
        match read_frame(&mut self.input, (most, width), self.rows)? {
            Frame::Block { rows, bytes } => {
                let block = Block::from_bytes(&bytes, (rows, width), self.bits);
                let block = block.map_err(|problem| damaged(self.rows, problem))?;
                self.rows += rows as u64;
                self.model.decompressed(block.codes()).map(Some)
            }
            Frame::End { rows } if rows != self.rows => {
                Err(damaged(self.rows, "the end says another number of rows").into())
            }
            Frame::End { .. } => {
                check_end(&mut self.input, self.rows)?;
                self.ended = true;
                Ok(None)
            }
        }
    }

    /// Writes all rows that are left, some at a time; returns the number of all.
    ///
    /// # Errors
    ///
    /// As [`Decompressor::read`]; fails where rows cannot be written.
    pub fn write_to(mut self, writer: &mut dyn Writer) -> Result<u64, Error> {
        while let Some(rows) = self.read()? {
            writer.write(&rows, &[])?;
        }
        Ok(self.rows)
    }
}
