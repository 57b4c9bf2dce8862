//! Results as a matrix of numbers behind a header: an array of NumPy, or a tensor in a safetensors file.

use super::table::{Writer, bytes_of};
use super::target::Target;
use crate::{DataError, Samples};

/// Writes `[rows, columns]` of the numbers' own kind.
pub(super) struct MatrixWriter {
    target: Target,
    header: Header,
    matrix: Matrix,
}

/// What a header says.
#[derive(Debug, Clone, Copy)]
struct Matrix {
    rows: usize,
    columns: usize,
    number: Number,
}

#[derive(Debug, Clone, Copy)]
enum Number {
    U8,
    F32,
    F64,
}

/// The two kinds of headers. Each has a fixed length, so that the number of rows can be put into it at
/// the end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Header {
    /// NumPy Enhancement Proposal 1.
    Npy,
    /// The tensor is called `rows`.
    Safetensors,
}

impl MatrixWriter {
    pub(super) fn new(
        mut target: Target,
        header: Header,
        columns: usize,
    ) -> Result<Self, DataError> {
        target.write(&vec![0; header.length()])?;
        Ok(Self {
            target,
            header,
            matrix: Matrix {
                rows: 0,
                columns,
                number: Number::F32,
            },
        })
    }
}

impl Writer for MatrixWriter {
    fn write(&mut self, rows: &Samples, _words: &[String]) -> Result<(), DataError> {
        self.matrix.rows += rows.rows();
        self.matrix.number = match rows {
            Samples::Bytes { .. } => Number::U8,
            Samples::Floats { .. } | Samples::Lent { .. } => Number::F32,
            Samples::Doubles { .. } => Number::F64,
        };
        Ok(self.target.write(&bytes_of(rows))?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), DataError> {
        self.target.write_start(&self.header.of(self.matrix))?;
        Ok(self.target.finish()?)
    }
}

impl Header {
    fn length(self) -> usize {
        match self {
            Self::Npy => 128,
            Self::Safetensors => 256,
        }
    }

    /// The bytes before the numbers.
    fn of(self, matrix: Matrix) -> Vec<u8> {
        let Matrix {
            rows,
            columns,
            number,
        } = matrix;
        let (npy, safetensors, size) = match number {
            Number::U8 => ("|u1", "U8", 1),
            Number::F32 => ("<f4", "F32", 4),
            Number::F64 => ("<f8", "F64", 8),
        };
        let (mut header, text) = match self {
            Self::Npy => {
                let mut start = b"\x93NUMPY\x01\x00".to_vec();
                start.extend((self.length() as u16 - 10).to_le_bytes());
                let shape = format!("({rows}, {columns})");
                let text =
                    format!("{{'descr': '{npy}', 'fortran_order': False, 'shape': {shape}, }}");
                (start, text)
            }
            Self::Safetensors => {
                let start = (self.length() as u64 - 8).to_le_bytes().to_vec();
                let (shape, end) = (format!("[{rows},{columns}]"), rows * columns * size);
                let text = format!(
                    "{{\"rows\":{{\"dtype\":\"{safetensors}\",\"shape\":{shape},\"data_offsets\":\
                     [0,{end}]}}}}"
                );
                (start, text)
            }
        };
        header.extend(text.as_bytes());
        header.resize(self.length() - 1, b' ');
        // NumPy's header ends with a line; to JSON it is as good as a space.
        header.push(b'\n');
        header
    }
}
