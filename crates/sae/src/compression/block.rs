//! Some rows of codes as levels, and as bytes.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::bits::{pack, packed_bytes, unpack};
use super::range::Range;

/// Levels lie bit by bit behind each other.
const PACKED: u8 = 0;
/// Each level has a byte.
const BYTES: u8 = 1;

/// Rows of codes on the levels of their units.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Block {
    rows: usize,
    bits: u32,
    /// One per unit.
    ranges: Vec<Range>,
    /// Of the units that vary, unit by unit.
    levels: Vec<u8>,
}

impl Block {
    /// The levels next to `codes`, `[rows, width]`, all finite.
    pub fn of(codes: &[f32], width: usize, bits: u32) -> Self {
        let column = |unit: usize| codes.iter().skip(unit).step_by(width).copied();
        let ranges: Vec<Range> = (0..width).map(|unit| Range::of(column(unit))).collect();
        let varying = ranges
            .iter()
            .enumerate()
            .filter(|(_, range)| range.varies());
        let levels = varying.flat_map(|(unit, range)| column(unit).map(|v| range.level(v, bits)));
        Self {
            rows: codes.len() / width,
            bits,
            levels: levels.collect(),
            ranges,
        }
    }

    /// The codes that the levels stand for, `[rows, width]`.
    pub fn codes(&self) -> Vec<f32> {
        let width = self.ranges.len();
        let mut codes = vec![0.0; self.rows * width];
        let mut columns = self.levels.chunks(self.rows);
        for (unit, range) in self.ranges.iter().enumerate() {
            let column = codes.iter_mut().skip(unit).step_by(width);
            match range.varies().then(|| columns.next()).flatten() {
                Some(levels) => column
                    .zip(levels)
                    .for_each(|(code, &level)| *code = range.value(level, self.bits)),
                None => column.for_each(|code| *code = range.low),
            }
        }
        codes
    }

    /// The form and the deflated rest.
    pub fn to_bytes(&self) -> Vec<u8> {
        let in_bytes = self.deflated(BYTES, &self.levels);
        if self.bits == 8 {
            return in_bytes;
        }
        let packed = self.deflated(PACKED, &pack(&self.levels, self.bits));
        match packed.len() <= in_bytes.len() {
            true => packed,
            false => in_bytes,
        }
    }

    fn deflated(&self, form: u8, levels: &[u8]) -> Vec<u8> {
        let lows = self.ranges.iter().map(|range| range.low);
        let bounds = lows.chain(self.ranges.iter().map(|range| range.high));
        let bounds: Vec<u8> = bounds.flat_map(f32::to_le_bytes).collect();
        let mut encoder = DeflateEncoder::new(vec![form], Compression::best());
        let written = encoder
            .write_all(&bounds)
            .and_then(|()| encoder.write_all(levels));
        // Nothing fails that writes into memory.
        written.and_then(|()| encoder.finish()).unwrap_or_default()
    }

    /// Reads what [`Block::to_bytes`] gave of `rows` rows. No more memory is taken than such a block needs,
    /// whatever the bytes say.
    ///
    /// # Errors
    ///
    /// Says what is wrong with them.
    pub fn from_bytes(
        bytes: &[u8],
        (rows, width): (usize, usize),
        bits: u32,
    ) -> Result<Self, &'static str> {
        let (&form, rest) = bytes.split_first().ok_or("a block is empty")?;
        let mut decoder = DeflateDecoder::new(rest);
        let ranges = ranges(&mut decoder, width)?;
        let count = rows * ranges.iter().filter(|range| range.varies()).count();
        let length = match form {
            PACKED => packed_bytes(count, bits),
            BYTES => count,
            _ => return Err("a block is of an unknown form"),
        };
        let values = inflated(&mut decoder, length)?;
        if decoder.read(&mut [0]).ok() != Some(0) || decoder.total_in() != rest.len() as u64 {
            return Err("a block is longer than its values");
        }
        let levels = match form {
            PACKED => unpack(&values, count, bits).ok_or("bits after the last level are set")?,
            _ => values,
        };
        let largest = ((1u32 << bits) - 1) as u8;
        if levels.iter().any(|&level| level > largest) {
            return Err("a level is above the largest");
        }
        Ok(Self {
            rows,
            bits,
            ranges,
            levels,
        })
    }
}

/// The most bytes that a block can take: deflate adds a little to what it cannot make smaller.
pub(super) fn longest(rows: usize, width: usize) -> usize {
    let values = width * (rows + 2 * size_of::<f32>());
    values + values / 8 + 256
}

fn ranges(decoder: &mut impl Read, width: usize) -> Result<Vec<Range>, &'static str> {
    let bytes = inflated(decoder, 2 * size_of::<f32>() * width)?;
    let (bounds, _) = bytes.as_chunks::<4>();
    let (lows, highs) = bounds.split_at(width);
    let pairs = lows.iter().zip(highs);
    let ranges = pairs.map(|(&low, &high)| Range {
        low: f32::from_le_bytes(low),
        high: f32::from_le_bytes(high),
    });
    let ranges: Vec<Range> = ranges.collect();
    match ranges.iter().all(|range| range.is_sound()) {
        true => Ok(ranges),
        false => Err("the range of a unit is none"),
    }
}

/// Exactly `length` bytes.
fn inflated(decoder: &mut impl Read, length: usize) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    let read = decoder.take(length as u64).read_to_end(&mut bytes);
    match read {
        Ok(read) if read == length => Ok(bytes),
        Ok(_) => Err("a block is shorter than its values"),
        Err(_) => Err("a block cannot be inflated"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes of three units, one of which never varies.
    fn codes(rows: usize) -> Vec<f32> {
        let row = |i: usize| {
            let i = i as f32;
            [(i * 0.7).sin(), 0.5, (i * i * 0.01).cos().max(0.0) * 30.0]
        };
        (0..rows).flat_map(row).collect()
    }

    #[test]
    fn codes_come_back_to_half_a_step() {
        for bits in 1..=8 {
            for rows in [1, 2, 3, 1000] {
                let codes = codes(rows);
                let block = Block::of(&codes, 3, bits);
                let again = block.codes();
                let levels = f64::from(2u32.pow(bits) - 1);
                for unit in 0..3 {
                    let column: Vec<f64> = codes
                        .iter()
                        .skip(unit)
                        .step_by(3)
                        .map(|&v| f64::from(v))
                        .collect();
                    let low = column.iter().copied().fold(f64::INFINITY, f64::min);
                    let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let most = (high - low) / levels / 2.0 + 1e-6 * high.abs().max(low.abs());
                    for (row, value) in column.iter().enumerate() {
                        let error = (f64::from(again[3 * row + unit]) - value).abs();
                        assert!(error <= most, "{bits} bits, unit {unit}: {error} > {most}");
                    }
                }
                let bytes = block.to_bytes();
                assert!(bytes.len() <= longest(rows, 3));
                assert_eq!(Block::from_bytes(&bytes, (rows, 3), bits), Ok(block));
            }
        }
    }

    #[test]
    fn what_does_not_vary_takes_no_bits_and_is_exact() {
        let block = Block::of(&[0.3; 3000], 3, 8);
        assert!(block.levels.is_empty());
        assert_eq!(block.codes(), [0.3; 3000]);
        assert!(block.to_bytes().len() < 30);
    }

    /// Sums that are right do not make the rest right.
    #[test]
    fn forged_blocks_are_refused() {
        let deflate = |form: u8, bytes: &[u8]| {
            let mut encoder = DeflateEncoder::new(vec![form], Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let block = |low: f32, high: f32, levels: &[u8]| {
            [&low.to_le_bytes()[..], &high.to_le_bytes(), levels].concat()
        };
        let read = |bytes: &[u8]| Block::from_bytes(bytes, (2, 1), 3);
        assert!(read(&deflate(BYTES, &block(0.0, 1.0, &[7, 0]))).is_ok());
        assert!(read(&deflate(PACKED, &block(0.0, 1.0, &[0b11_1111]))).is_ok());
        let cases = [
            (vec![], "a block is empty"),
            (
                deflate(2, &block(0.0, 1.0, &[7, 0])),
                "a block is of an unknown form",
            ),
            (
                deflate(BYTES, &block(0.0, 1.0, &[8, 0])),
                "a level is above the largest",
            ),
            (
                deflate(BYTES, &block(0.0, 1.0, &[7])),
                "a block is shorter than its values",
            ),
            (
                deflate(BYTES, &block(0.0, 1.0, &[7, 0, 0])),
                "a block is longer than its values",
            ),
            (
                deflate(BYTES, &block(0.0, 0.0, &[0])),
                "a block is longer than its values",
            ),
            (
                deflate(PACKED, &block(0.0, 1.0, &[64])),
                "bits after the last level are set",
            ),
            (
                deflate(BYTES, &block(1.0, 0.0, &[])),
                "the range of a unit is none",
            ),
            (
                deflate(BYTES, &block(f32::NAN, 0.0, &[])),
                "the range of a unit is none",
            ),
            (
                deflate(BYTES, &block(0.0, f32::INFINITY, &[])),
                "the range of a unit is none",
            ),
            (vec![BYTES, 7, 7, 7], "a block cannot be inflated"),
        ];
        for (bytes, problem) in cases {
            assert_eq!(read(&bytes), Err(problem));
        }
        let more = [deflate(BYTES, &block(0.0, 1.0, &[7, 0])), vec![0]].concat();
        assert_eq!(read(&more), Err("a block is longer than its values"));
    }
}
