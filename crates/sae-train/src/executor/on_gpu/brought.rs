//! Samples on their way to the device, and those that it keeps.

use sae_data::Samples;
use sae_gpu::{Gpu, GpuError, Resident, Which};
use sae_kernels::{Rows, Setting, Values};

use crate::{Selected, Table, TrainError};

/// Samples of which the device has a copy, and where those in memory lie.
pub(super) struct Kept {
    values: (usize, usize),
    samples: Resident,
}

impl Kept {
    /// Nothing where the device has no room for them, or does not compute in their numbers.
    pub(super) fn new(gpu: &Gpu, samples: &Samples) -> Result<Option<Self>, TrainError> {
        let table = Table {
            samples,
            selected: Selected::Range(0, samples.rows()),
        };
        // Doubles are refused when they are trained on.
        let Some(values) = place_of(table) else {
            return Ok(None);
        };
        let resident = Resident::new(gpu, table.rows()?)?;
        Ok(resident.map(|samples| Self { values, samples }))
    }
}

/// A table on the device.
pub(super) enum Brought<'a> {
    /// Rows of what it keeps.
    Kept(sae_gpu::Batch<'a>),
    /// Just these rows.
    Own(Resident),
}

impl<'a> Brought<'a> {
    pub(super) fn new(gpu: &Gpu, kept: &'a [Kept], table: Table<'a>) -> Result<Self, TrainError> {
        let rows = table.rows()?;
        let all = Table {
            selected: Selected::Range(0, table.samples.rows()),
            ..table
        };
        let place = place_of(all);
        if let Some(kept) = kept.iter().find(|kept| place == Some(kept.values)) {
            return Ok(Self::Kept(sae_gpu::Batch {
                samples: &kept.samples,
                rows: match table.selected {
                    Selected::Range(first, end) => Which::From(first, end - first),
                    Selected::Order(order) => Which::Order(order),
                },
            }));
        }
        let brought = match rows.order {
            None => Resident::new(gpu, rows)?,
            Some(order) => gathered(gpu, rows, order)?,
        };
        brought.map(Self::Own).ok_or_else(|| {
            let expected = "fewer, for which the device has room";
            Setting::new("batch", table.selected.count(), expected).into()
        })
    }

    pub(super) fn batch(&self) -> sae_gpu::Batch<'_> {
        match self {
            Self::Kept(batch) => *batch,
            Self::Own(samples) => samples.all(),
        }
    }
}

/// Rows in an order, one after the other.
fn gathered(gpu: &Gpu, rows: Rows<'_>, order: &[usize]) -> Result<Option<Resident>, GpuError> {
    fn of<T: Copy>(values: &[T], columns: usize, order: &[usize]) -> Vec<T> {
        let row = |&row: &usize| &values[row * columns..(row + 1) * columns];
        order.iter().flat_map(row).copied().collect()
    }
    let columns = rows.columns;
    let keep = |values: Values<'_>| {
        let rows = Rows {
            values,
            columns,
            order: None,
        };
        Resident::new(gpu, rows)
    };
    match rows.values {
        Values::Bytes(values) => keep(Values::Bytes(&of(values, columns, order))),
        Values::Floats(values) => keep(Values::Floats(&of(values, columns, order))),
        Values::Mapped(values, by) => keep(Values::Mapped(&of(values, columns, order), by)),
    }
}

/// Where the values of a table lie, and their number.
fn place_of(table: Table<'_>) -> Option<(usize, usize)> {
    match table.rows().ok()?.values {
        Values::Bytes(values) => Some((values.as_ptr() as usize, values.len())),
        Values::Floats(values) => Some((values.as_ptr() as usize, values.len())),
        Values::Mapped(..) => None,
    }
}
