//! How files keep numbers.

use half::{bf16, f16};

use crate::Samples;

/// How a file keeps a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub number: Number,
    /// The highest byte first.
    pub big_endian: bool,
}

/// The kinds of numbers, as files call them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

impl Number {
    /// Bytes of one.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

impl Kind {
    pub(super) fn little(number: Number) -> Self {
        Self {
            number,
            big_endian: false,
        }
    }

    /// Rows of `width` numbers from their bytes, which are whole numbers of them. Unsigned bytes are
    /// pixels; whole numbers and halves become `f32` where that holds all of them, else `f64`.
    pub(super) fn samples(self, width: usize, bytes: &[u8]) -> Samples {
        let floats = |values| Samples::Floats { width, values };
        let doubles = |values| Samples::Doubles { width, values };
        match self.number {
            Number::U8 => Samples::Bytes {
                width,
                values: bytes.to_vec(),
            },
            Number::Bool => floats(self.map(bytes, |[b]: [u8; 1]| f32::from(u8::from(b != 0)))),
            Number::I8 => floats(self.map(bytes, |b| f32::from(i8::from_le_bytes(b)))),
            Number::U16 => floats(self.map(bytes, |b| f32::from(u16::from_le_bytes(b)))),
            Number::I16 => floats(self.map(bytes, |b| f32::from(i16::from_le_bytes(b)))),
            Number::F16 => floats(self.map(bytes, |b| f16::from_le_bytes(b).to_f32())),
            Number::Bf16 => floats(self.map(bytes, |b| bf16::from_le_bytes(b).to_f32())),
            Number::F32 => floats(self.map(bytes, f32::from_le_bytes)),
            Number::U32 => doubles(self.map(bytes, |b| f64::from(u32::from_le_bytes(b)))),
            Number::I32 => doubles(self.map(bytes, |b| f64::from(i32::from_le_bytes(b)))),
            Number::U64 => doubles(self.map(bytes, |b| u64::from_le_bytes(b) as f64)),
            Number::I64 => doubles(self.map(bytes, |b| i64::from_le_bytes(b) as f64)),
            Number::F64 => doubles(self.map(bytes, f64::from_le_bytes)),
        }
    }

    /// Whole numbers as labels; nothing for other kinds.
    pub(super) fn labels(self, bytes: &[u8]) -> Option<Vec<String>> {
        let text = |values: Vec<i128>| values.iter().map(ToString::to_string).collect();
        Some(text(match self.number {
            Number::Bool | Number::U8 => self.map(bytes, |b| u8::from_le_bytes(b).into()),
            Number::I8 => self.map(bytes, |b| i8::from_le_bytes(b).into()),
            Number::U16 => self.map(bytes, |b| u16::from_le_bytes(b).into()),
            Number::I16 => self.map(bytes, |b| i16::from_le_bytes(b).into()),
            Number::U32 => self.map(bytes, |b| u32::from_le_bytes(b).into()),
            Number::I32 => self.map(bytes, |b| i32::from_le_bytes(b).into()),
            Number::U64 => self.map(bytes, |b| u64::from_le_bytes(b).into()),
            Number::I64 => self.map(bytes, |b| i64::from_le_bytes(b).into()),
            Number::F16 | Number::Bf16 | Number::F32 | Number::F64 => return None,
        }))
    }

    /// Numbers of N bytes each, in the order of this machine's conversions, lowest byte first.
    fn map<const N: usize, T>(self, bytes: &[u8], convert: impl Fn([u8; N]) -> T) -> Vec<T> {
        let (numbers, _) = bytes.as_chunks::<N>();
        let numbers = numbers.iter();
        match self.big_endian {
            false => numbers.map(|&number| convert(number)).collect(),
            true => numbers
                .map(|&number| {
                    let mut turned = number;
                    turned.reverse();
                    convert(turned)
                })
                .collect(),
        }
    }
}
