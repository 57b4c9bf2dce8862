//! Results as a tensor in a safetensors file.

use super::table::{Writer, bytes_of};
use super::target::Target;
use crate::{DataError, Samples};

/// Bytes of the header, which the number of rows is put into at the end.
const HEADER: usize = 256;
/// The tensor's name.
const NAME: &str = "rows";

/// A matrix `[rows, columns]` of the numbers' own kind, called `rows`.
pub(super) struct SafetensorsWriter {
    target: Target,
    columns: usize,
    rows: usize,
    bytes: usize,
    kind: &'static str,
}

impl SafetensorsWriter {
    pub(super) fn new(mut target: Target, columns: usize) -> Result<Self, DataError> {
        target.write(&[0; HEADER])?;
        Ok(Self {
            target,
            columns,
            rows: 0,
            bytes: 0,
            kind: "F32",
        })
    }
}

impl Writer for SafetensorsWriter {
    fn write(&mut self, rows: &Samples, _words: &[String]) -> Result<(), DataError> {
        self.kind = match rows {
            Samples::Bytes { .. } => "U8",
            Samples::Floats { .. } => "F32",
            Samples::Doubles { .. } => "F64",
        };
        let bytes = bytes_of(rows);
        self.rows += rows.rows();
        self.bytes += bytes.len();
        Ok(self.target.write(&bytes)?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), DataError> {
        let Self {
            kind,
            rows,
            columns,
            bytes,
            ..
        } = *self;
        let text = format!(
            "{{\"{NAME}\":{{\"dtype\":\"{kind}\",\"shape\":[{rows},{columns}],\"data_offsets\":[0,\
             {bytes}]}}}}"
        );
        let mut header = (HEADER as u64 - 8).to_le_bytes().to_vec();
        header.extend(text.as_bytes());
        header.resize(HEADER, b' ');
        self.target.write_start(&header)?;
        Ok(self.target.finish()?)
    }
}
