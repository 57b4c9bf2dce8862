//! A block of 32 samples, in both orders.

use pulp::Arch;

use crate::engine::CHUNK;
use crate::lanes::{BLOCK, Lanes, panels, width};
use crate::transpose::transpose;

/// Samples as they lie in memory, all of them or some in a given order.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// All values, row by row.
    pub values: Values<'a>,
    /// Values per row.
    pub columns: usize,
    /// Which rows are meant, in which order; all of them where this is nothing.
    pub order: Option<&'a [usize]>,
}

/// Values of samples.
#[derive(Debug, Clone, Copy)]
pub enum Values<'a> {
    /// A byte v stands for v / 255.
    Bytes(&'a [u8]),
    /// Numbers as they are.
    Floats(&'a [f32]),
}

impl<'a> Rows<'a> {
    /// A matrix, row by row.
    pub fn of(values: &'a [f32], columns: usize) -> Self {
        Self {
            values: Values::Floats(values),
            columns,
            order: None,
        }
    }

    /// Number of samples.
    pub fn count(&self) -> usize {
        let all = match self.values {
            Values::Bytes(values) => values.len(),
            Values::Floats(values) => values.len(),
        };
        self.order.map_or(all / self.columns, <[usize]>::len)
    }

    /// Copies the columns `first..first + to.len()` of a sample to `to`.
    #[inline(always)]
    fn copy(&self, row: usize, first: usize, to: &mut [f32]) {
        let row = self.order.map_or(row, |order| order[row]);
        let start = row * self.columns + first;
        match self.values {
            Values::Bytes(values) => {
                for (to, &v) in to.iter_mut().zip(&values[start..]) {
                    *to = f32::from(v) / 255.0;
                }
            }
            Values::Floats(values) => to.copy_from_slice(&values[start..][..to.len()]),
        }
    }
}

/// Which samples of a batch a block holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    /// The first.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// 1/R for each that is there, 0 for the others.
    pub per_row: Lanes,
}

impl Place {
    /// Block `index` of the chunk that begins at `start`, of `rows` samples in all.
    pub(crate) fn new(start: usize, index: usize, rows: usize) -> Self {
        let end = rows.min(start + CHUNK);
        let first = start + index * BLOCK;
        let count = end.saturating_sub(first).min(BLOCK);
        let mut per_row = Lanes::ZERO;
        per_row.0[..count].fill((1.0 / rows as f64) as f32);
        Self {
            first,
            count,
            per_row,
        }
    }
}

/// Up to 32 samples of `columns` values.
#[derive(Debug, Clone)]
pub(crate) struct Samples {
    columns: usize,
    /// Panels of 32 columns, each `[sample, column]`.
    pub panels: Vec<Lanes>,
    /// The transpose: `[column, sample]`.
    pub across: Vec<Lanes>,
}

impl Samples {
    pub(crate) fn new(columns: usize) -> Self {
        let zeros = vec![Lanes::ZERO; panels(columns) * BLOCK];
        Self {
            columns,
            panels: zeros.clone(),
            across: zeros,
        }
    }

    /// Panel `p`, `[sample, column]`.
    #[inline(always)]
    pub(crate) fn panel(&self, p: usize) -> &[Lanes] {
        &self.panels[p * BLOCK..][..BLOCK]
    }

    /// The values of panel `p` the other way round, `[column, sample]`.
    #[inline(always)]
    pub(crate) fn columns(&self, p: usize) -> &[Lanes] {
        &self.across[p * BLOCK..][..width(self.columns, p)]
    }

    /// Fills the block with the samples of its place; what is beyond them becomes zero.
    #[inline(always)]
    pub(crate) fn load(&mut self, arch: Arch, rows: Rows<'_>, place: &Place) {
        let blocks = self.panels.chunks_mut(BLOCK);
        for (p, (panel, across)) in blocks.zip(self.across.chunks_mut(BLOCK)).enumerate() {
            let width = width(self.columns, p);
            for (row, lanes) in panel[..place.count].iter_mut().enumerate() {
                rows.copy(place.first + row, p * BLOCK, &mut lanes.0[..width]);
            }
            panel[place.count..].fill(Lanes::ZERO);
            transpose(arch, panel, across.try_into().expect("32 rows"));
        }
    }

    /// Sets the panels from the transpose.
    #[inline(always)]
    pub(crate) fn turn(&mut self, arch: Arch) {
        let blocks = self.panels.chunks_mut(BLOCK);
        for (panel, across) in blocks.zip(self.across.chunks(BLOCK)) {
            transpose(arch, across, panel.try_into().expect("32 rows"));
        }
    }
}
