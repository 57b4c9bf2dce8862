//! Rows to compressed codes.

use std::io::Write;
use std::ops::RangeInclusive;

use sae_data::{Reader, Samples, WriteError, read_ahead};
use sae_kernels::Setting;

use super::block::Block;
use super::distortion::Distortion;
use super::error::CompressionError;
use super::fingerprint::fingerprint;
use super::frame::{END, HEADER, Header, write_block, write_end};
use crate::apply::WAITING;
use crate::facts::check_width;
use crate::{Error, Model};

/// How rows are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// Bits of each value of a code, 1 to 8.
    pub bits: u32,
    /// Bytes of rows that are kept for a comparison, whole blocks and at least one; nothing without one.
    pub keep: Option<usize>,
}

impl Default for Compression {
    fn default() -> Self {
        Self {
            bits: 8,
            keep: None,
        }
    }
}

impl Compression {
    const BITS: RangeInclusive<u32> = 1..=8;

    fn check(self) -> Result<(), Setting> {
        match Self::BITS.contains(&self.bits) {
            true => Ok(()),
            false => Err(Setting::new("bits", self.bits, "1 to 8")),
        }
    }
}

/// What came of compressing.
#[derive(Debug, Clone, Default)]
pub struct Compressed {
    /// Number of rows.
    pub rows: u64,
    /// Bytes of their values as the source keeps them: 1 of a pixel, 4 of a number.
    pub source_bytes: u64,
    /// Bytes of the compressed codes, all of the file.
    pub bytes: u64,
    /// How far the rows are from what decompression gives.
    pub distortion: Distortion,
    /// The first rows, where they were to be kept.
    pub sample: Option<Sample>,
}

/// The first rows of those that were compressed.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The rows.
    pub rows: Samples,
    /// Bytes of a file of compressed codes that holds these rows alone.
    pub bytes: u64,
    /// How far they are from what decompression gives.
    pub distortion: Distortion,
    /// Whether these are all the rows.
    pub is_all: bool,
}

/// Compresses rows of a model's inputs, as they come, into a stream of bytes.
///
/// ```
/// use sae::compression::{Compression, Compressor, Decompressor};
/// # use sae::{Experiment, Layer, Samples};
/// # let mut experiment = Experiment::default();
/// # experiment.classifier = false;
/// # experiment.layers = vec![Layer { hidden: 3, ..Layer::default() }];
/// # experiment.data.shapes.size = 8;
/// # (experiment.data.shapes.train, experiment.data.shapes.test) = (40, 10);
/// # experiment.pretrain.epochs = 2;
/// # let model = experiment.run(&mut ())?.model;
/// # let rows = Samples::Floats { width: 64, values: (0..640).map(|v| v as f32 / 640.0).collect() };
/// let mut file = Vec::new();
/// let mut compressor = Compressor::new(&model, Compression { bits: 6, keep: None }, &mut file)?;
/// compressor.add(&rows)?;
/// let compressed = compressor.finish()?;
/// assert_eq!((compressed.rows, compressed.bytes), (10, file.len() as u64));
///
/// let mut decompressor = Decompressor::new(&model, &file[..])?;
/// let again = decompressor.read()?.expect("a block of rows");
/// assert_eq!((again.rows(), again.width()), (10, 64));
/// assert_eq!(decompressor.read()?, None);
/// # Ok::<(), sae::Error>(())
/// ```
pub struct Compressor<'a, W> {
    model: &'a Model,
    settings: Compression,
    out: W,
    /// Rows that are no whole block yet.
    pending: Option<Samples>,
    /// Whether the next block may still be kept.
    keeps: bool,
    done: Compressed,
}

impl<'a, W: Write> Compressor<'a, W> {
    /// Writes the header.
    ///
    /// # Errors
    ///
    /// Refuses bits outside 1 to 8; fails where nothing can be written.
    pub fn new(model: &'a Model, settings: Compression, mut out: W) -> Result<Self, Error> {
        settings.check()?;
        let header = Header {
            bits: settings.bits,
            width: model.compressed_width() as u32,
            fingerprint: fingerprint(model),
        };
        header.write(&mut out).map_err(failed)?;
        Ok(Self {
            model,
            settings,
            out,
            pending: None,
            keeps: settings.keep.is_some(),
            done: Compressed {
                bytes: HEADER as u64,
                ..Compressed::default()
            },
        })
    }

    /// Adds rows, `[rows, inputs]`. The file is the same however they are parted.
    ///
    /// # Errors
    ///
    /// Refuses rows of another width and those whose codes are not finite; fails where nothing can be
    /// written.
    pub fn add(&mut self, rows: &Samples) -> Result<(), Error> {
        check_width("the rows", rows.width(), self.model.inputs())?;
        let most = self.model.compressed_rows();
        let mut next = 0;
        while next < rows.rows() {
            let waiting = self.pending.as_ref().map_or(0, Samples::rows);
            let end = rows.rows().min(next + most - waiting);
            let part = rows.select(&(next..end).collect::<Vec<_>>());
            next = end;
            let block = match self.pending.take() {
                Some(mut pending) => {
                    pending.extend(&part)?;
                    pending
                }
                None => part,
            };
            match block.rows() == most {
                true => self.write(block)?,
                false => self.pending = Some(block),
            }
        }
        Ok(())
    }

    /// Writes what is left, and the end.
    ///
    /// # Errors
    ///
    /// As [`Compressor::add`].
    pub fn finish(mut self) -> Result<Compressed, Error> {
        if let Some(rest) = self.pending.take() {
            self.write(rest)?;
        }
        write_end(&mut self.out, self.done.rows).map_err(failed)?;
        self.done.bytes += END as u64;
        if let Some(sample) = &mut self.done.sample {
            sample.is_all = sample.rows.rows() as u64 == self.done.rows;
        }
        Ok(self.done)
    }

    /// One block.
    fn write(&mut self, rows: Samples) -> Result<(), Error> {
        let codes = self.model.compressed_values(&rows)?;
        let width = self.model.compressed_width();
        check_finite(&codes, width, self.done.rows)?;
        let block = Block::of(&codes, width, self.settings.bits);
        let written = write_block(&mut self.out, rows.rows(), &block.to_bytes());
        self.done.bytes += written.map_err(failed)?;
        self.done.rows += rows.rows() as u64;
        self.done.source_bytes += bytes_of(&rows);
        let decoded = self.model.decompressed(block.codes())?;
        self.done.distortion.add(&rows, &decoded);
        self.keep(rows)
    }

    /// Keeps the rows of a block that was written, where they still fit.
    fn keep(&mut self, rows: Samples) -> Result<(), Error> {
        let (Some(most), true) = (self.settings.keep, self.keeps) else {
            return Ok(());
        };
        let kept = self.done.sample.take();
        self.keeps = kept.is_none() || self.done.source_bytes <= most as u64;
        self.done.sample = match (kept, self.keeps) {
            (kept, false) => kept,
            (None, true) => Some(self.sample(rows)),
            (Some(mut kept), true) => {
                kept.rows.extend(&rows)?;
                Some(self.sample(kept.rows))
            }
        };
        Ok(())
    }

    fn sample(&self, rows: Samples) -> Sample {
        Sample {
            rows,
            bytes: self.done.bytes + END as u64,
            distortion: self.done.distortion,
            is_all: false,
        }
    }
}

fn bytes_of(rows: &Samples) -> u64 {
    rows.rows() as u64 * rows.width() as u64 * rows.value_bytes() as u64
}

/// Refuses codes that have no place in a range.
fn check_finite(codes: &[f32], width: usize, before: u64) -> Result<(), CompressionError> {
    match codes.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(place) => Err(CompressionError::NotFinite {
            row: before + (place / width) as u64,
            unit: place % width,
            value: codes[place],
        }),
    }
}

/// An error of a target comes back as it was.
fn failed(error: CompressionError) -> Error {
    match error {
        CompressionError::Write(error) => match error.downcast::<WriteError>() {
            Ok(own) => own.into(),
            Err(other) => CompressionError::Write(other).into(),
        },
        other => other.into(),
    }
}

/// Compresses all rows of a source, some at a time; memory is bounded whatever their number.
///
/// # Errors
///
/// Refuses rows that do not fit the model; fails where they cannot be read or written.
pub fn compress(
    model: &Model,
    settings: Compression,
    mut reader: Box<dyn Reader>,
    out: &mut dyn Write,
) -> Result<Compressed, Error> {
    model.facts().check_layout(reader.layout())?;
    let mut compressor = Compressor::new(model, settings, out)?;
    let next = || reader.read(model.compressed_rows());
    read_ahead(WAITING, next, |chunk| compressor.add(&chunk.samples))?;
    compressor.finish()
}
