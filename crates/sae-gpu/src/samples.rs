//! Samples on the device.

use sae_kernels::{KernelError, Rows, Values};

use crate::device::{Buffer, Gpu, WORD};
use crate::error::{GpuError, count};
use crate::kernels::samples::Form;

/// Samples that stay on the device.
#[derive(Debug, Clone)]
pub struct Resident {
    pub(crate) values: Buffer,
    bytes: bool,
    rows: usize,
    columns: usize,
}

impl Resident {
    /// Brings samples to a device, all rows of `samples` whatever their order; bytes stay bytes. Nothing where
    /// they do not fit into a single buffer of it.
    ///
    /// # Errors
    ///
    /// Refuses values that are no whole number of rows.
    pub fn new(gpu: &Gpu, samples: Rows<'_>) -> Result<Option<Self>, GpuError> {
        let columns = samples.columns;
        let (bytes, values) = match samples.values {
            Values::Bytes(values) => (true, values.len()),
            Values::Floats(values) => (false, values.len()),
            Values::Mapped(values, _) => (false, values.len()),
        };
        if columns == 0 || !values.is_multiple_of(columns) {
            return Err(KernelError::Ragged { values, columns }.into());
        }
        let size = if bytes { 1 } else { WORD };
        // Places are numbers of 32 bits.
        if values * size > gpu.largest_buffer() || values > u32::MAX as usize {
            return Ok(None);
        }
        let buffer = match samples.values {
            Values::Bytes(values) => gpu.buffer(values),
            Values::Floats(values) => gpu.buffer(values),
            Values::Mapped(values, by) => {
                let mut mapped = vec![0.0; values.len()];
                let rows = values.chunks(columns).zip(mapped.chunks_mut(columns));
                rows.for_each(|(row, mapped)| by.map(0, row, f64::from, mapped));
                gpu.buffer(&mapped)
            }
        };
        Ok(Some(Self {
            values: buffer,
            bytes,
            rows: values / columns,
            columns,
        }))
    }

    /// All of them.
    pub fn all(&self) -> Batch<'_> {
        Batch {
            samples: self,
            rows: Which::From(0, self.rows),
        }
    }
}

/// Some rows of samples.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The samples.
    pub samples: &'a Resident,
    /// Which rows of them.
    pub rows: Which<'a>,
}

/// Which rows are meant.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// From the first on, so many.
    From(usize, usize),
    /// These, in this order.
    Order(&'a [usize]),
}

impl Batch<'_> {
    /// Number of rows.
    pub(crate) fn count(&self) -> usize {
        match self.rows {
            Which::From(_, count) => count,
            Which::Order(order) => order.len(),
        }
    }

    pub(crate) fn first(&self) -> u32 {
        match self.rows {
            Which::From(first, _) => first as u32,
            Which::Order(_) => 0,
        }
    }

    pub(crate) fn form(&self) -> Form {
        Form {
            bytes: self.samples.bytes,
            ordered: matches!(self.rows, Which::Order(_)),
        }
    }

    /// The order on the device; where there is none `nothing`, which nobody reads.
    pub(crate) fn order(&self, gpu: &Gpu, nothing: &Buffer) -> Buffer {
        match self.rows {
            Which::From(..) => nothing.clone(),
            Which::Order(order) => {
                let order: Vec<u32> = order.iter().map(|&row| row as u32).collect();
                gpu.buffer(&order)
            }
        }
    }

    /// The number of rows, where all is well with them.
    pub(crate) fn check(&self, columns: usize) -> Result<usize, GpuError> {
        count("columns of the samples", self.samples.columns, columns)?;
        let rows = self.samples.rows;
        let last = match self.rows {
            Which::From(first, count) => (first + count).checked_sub(1),
            Which::Order(order) => order.iter().max().copied(),
        };
        match last {
            Some(row) if row >= rows => Err(KernelError::Order { row, rows }.into()),
            _ if self.count() == 0 => Err(KernelError::Empty.into()),
            _ => Ok(self.count()),
        }
    }
}
