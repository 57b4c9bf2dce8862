//! Results as an array of NumPy.

use super::table::{Writer, bytes_of};
use super::target::Target;
use crate::{DataError, Samples};

/// Bytes of the header, which the number of rows is put into at the end.
const HEADER: usize = 128;

/// A matrix `[rows, columns]` of the numbers' own kind.
pub(super) struct NpyWriter {
    target: Target,
    columns: usize,
    rows: usize,
    /// NumPy's name of the kind of number, once there is one.
    kind: &'static str,
}

impl NpyWriter {
    pub(super) fn new(mut target: Target, columns: usize) -> Result<Self, DataError> {
        target.write(&[0; HEADER])?;
        Ok(Self {
            target,
            columns,
            rows: 0,
            kind: "<f4",
        })
    }
}

impl Writer for NpyWriter {
    fn write(&mut self, rows: &Samples, _words: &[String]) -> Result<(), DataError> {
        self.kind = match rows {
            Samples::Bytes { .. } => "|u1",
            Samples::Floats { .. } => "<f4",
            Samples::Doubles { .. } => "<f8",
        };
        self.rows += rows.rows();
        Ok(self.target.write(&bytes_of(rows))?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), DataError> {
        let (kind, rows, columns) = (self.kind, self.rows, self.columns);
        let text = format!(
            "{{'descr': '{kind}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"
        );
        let mut header = b"\x93NUMPY\x01\x00".to_vec();
        header.extend((HEADER as u16 - 10).to_le_bytes());
        header.extend(text.as_bytes());
        header.resize(HEADER - 1, b' ');
        header.push(b'\n');
        self.target.write_start(&header)?;
        Ok(self.target.finish()?)
    }
}
