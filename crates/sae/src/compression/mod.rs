//! Codes of a model, quantised and packed: compression that gives rows back as nearly as the model and
//! the bits allow.
//!
//! A file of compressed codes stands by itself but for the model, whose fingerprint it holds. All numbers
//! lie lowest byte first:
//!
//! | part | bytes |
//! |---|---|
//! | header | `SAECODES`, the format (u32), bits per value (u32), values per row (u32), the model's fingerprint (32 bytes), CRC-32 of all that (u32) |
//! | a block, any number of times | number of rows (u32), bytes of what follows (u32), CRC-32 of both and of what follows (u32), a form (u8), and deflated: the least values of all units (f32), the largest ones (f32), the levels unit by unit |
//! | end | as a block of 0 rows; what follows is the number of rows of the file (u64) |
//!
//! In a block each unit has a range of its own, from its least to its largest value there, and a level is
//! a place in it: v̂ = low + level · (high − low) / (2^bits − 1), so that |v − v̂| is at most half a step. A
//! unit that does not vary has no levels. Levels lie bit by bit behind each other (form 0) or in a byte
//! each (form 1), whichever comes out smaller: bytes of sparse codes deflate better than what straddles
//! them.
//!
//! Where the scaling takes its mean from each sample, that mean is one more value of the row.

mod bits;
mod block;
mod compare;
mod compressor;
mod decompressor;
mod distortion;
mod error;
mod fingerprint;
mod frame;
mod range;
mod rows;

pub use self::compare::{Comparison, Method, Rival, compare};
pub use self::compressor::{Compressed, Compression, Compressor, Sample, compress};
pub use self::decompressor::Decompressor;
pub use self::distortion::{Distortion, Peak};
pub use self::error::CompressionError;
