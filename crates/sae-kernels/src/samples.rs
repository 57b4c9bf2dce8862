//! A block of up to 32 samples, in both orders.

use pulp::{Arch, Simd};

use crate::affine::Affine;
use crate::error::KernelError;
use crate::lanes::{Active, BLOCK, Lanes, panels, vectors, vectors_mut, width};
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
    /// Numbers that are mapped as they are read.
    Mapped(&'a [f32], Affine<'a>),
}

impl Values<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(values) => values.len(),
            Self::Floats(values) | Self::Mapped(values, _) => values.len(),
        }
    }
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

    /// The same samples, each value mapped as it is read; nothing of bytes.
    pub fn mapped(self, by: Affine<'a>) -> Option<Self> {
        match self.values {
            Values::Floats(values) => Some(Self {
                values: Values::Mapped(values, by),
                ..self
            }),
            Values::Bytes(_) | Values::Mapped(..) => None,
        }
    }

    /// Number of samples.
    pub fn count(&self) -> usize {
        let all = self.values.len().checked_div(self.columns);
        self.order.map_or(all.unwrap_or(0), <[usize]>::len)
    }

    /// The number of samples, where they are samples of `columns` values.
    pub(crate) fn check(&self, columns: usize) -> Result<usize, KernelError> {
        KernelError::count("columns of the samples", self.columns, columns)?;
        if let Values::Mapped(_, by) = self.values {
            KernelError::count("offsets", by.offsets.len(), columns)?;
            KernelError::count("factors", by.factors.len(), columns)?;
        }
        let values = self.values.len();
        if !values.is_multiple_of(columns) {
            return Err(KernelError::Ragged { values, columns });
        }
        let rows = values / columns;
        let last = self.order.and_then(|order| order.iter().max());
        match (last, self.count()) {
            (Some(&row), _) if row >= rows => Err(KernelError::Order { row, rows }),
            (_, 0) => Err(KernelError::Empty),
            (_, count) => Ok(count),
        }
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
            Values::Mapped(values, by) => by.map(first, &values[start..], f64::from, to),
        }
    }
}

/// Samples that are in memory at once; more are taken in several goes.
const CHUNK: usize = 1024;
/// So few samples, which would be one block, go in half blocks, so that two threads have something to
/// do. Half blocks take 5 to 8% more time on one thread.
const FEW: usize = BLOCK;

/// Some samples of a batch, which go through the model in blocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chunk {
    first: usize,
    pub count: usize,
    /// Samples of a block.
    size: usize,
}

impl Chunk {
    /// `rows` samples in chunks.
    pub(crate) fn all(rows: usize) -> impl ExactSizeIterator<Item = Self> {
        let size = if rows <= FEW { BLOCK / 2 } else { BLOCK };
        let chunk = move |index: usize| Self {
            first: index * CHUNK,
            count: (rows - index * CHUNK).min(CHUNK),
            size,
        };
        (0..rows.div_ceil(CHUNK)).map(chunk)
    }

    /// Whether it is the last of `rows` samples.
    pub(crate) fn is_last(&self, rows: usize) -> bool {
        self.first + self.count == rows
    }

    /// Number of blocks before it.
    pub(crate) fn first_block(&self) -> usize {
        self.first / self.size
    }

    /// Number of blocks.
    pub(crate) fn blocks(&self) -> usize {
        self.count.div_ceil(self.size)
    }

    /// The place of a block. Sums over samples are divided by the `whole` number of them.
    pub(crate) fn place(&self, block: usize, whole: usize) -> Place {
        let before = block * self.size;
        let count = (self.count - before).min(self.size);
        let mut per_row = Lanes::ZERO;
        per_row.0[..count].fill((1.0 / whole as f64) as f32);
        Place {
            first: self.first + before,
            count,
            lanes: self.size,
            per_row,
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
    /// Room for samples: a whole block, or half of one. What is beyond holds nothing that counts.
    pub lanes: usize,
    /// 1/R for each that is there, 0 for the others.
    per_row: Lanes,
}

impl Place {
    /// The registers of a row `[sample]` that may hold samples.
    #[inline(always)]
    pub(crate) fn used<'a, S: Simd>(&self, row: &'a Lanes) -> &'a [S::f32s] {
        &vectors::<S>(row)[..self.lanes / S::F32_LANES]
    }

    /// As [`Place::used`], to write to.
    #[inline(always)]
    pub(crate) fn used_mut<'a, S: Simd>(&self, row: &'a mut Lanes) -> &'a mut [S::f32s] {
        &mut vectors_mut::<S>(row)[..self.lanes / S::F32_LANES]
    }

    /// 1/R for each sample that is there, 0 for the others.
    #[inline(always)]
    pub(crate) fn per_row<S: Simd>(&self) -> &[S::f32s] {
        self.used::<S>(&self.per_row)
    }

    /// 1/R of the whole, for one sample.
    pub(crate) fn share(&self) -> f32 {
        self.per_row.0[0]
    }
}

/// Samples of `columns` values, as panels of 32 columns, each `[sample, column]`.
#[derive(Debug, Clone)]
pub(crate) struct Samples {
    columns: usize,
    panels: Vec<Lanes>,
    /// Of each panel, which samples are not zero in all of it.
    active: Vec<u32>,
}

impl Samples {
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            columns,
            panels: vec![Lanes::ZERO; panels(columns) * BLOCK],
            active: vec![u32::MAX; panels(columns)],
        }
    }

    /// Bytes that it holds.
    pub(crate) fn memory(&self) -> usize {
        self.panels.len() * size_of::<Lanes>()
    }

    /// Panel `p` of the first `count` samples, `[sample, column]`.
    #[inline(always)]
    pub(crate) fn panel(&self, p: usize, count: usize) -> Active<'_> {
        Active {
            rows: &self.panels[p * BLOCK..][..count],
            mask: self.active[p],
        }
    }

    /// Fills the block with the samples of its place, and `across` with its transpose; what is
    /// beyond the samples becomes zero.
    #[inline(always)]
    pub(crate) fn load<S: Simd>(
        &mut self,
        simd: S,
        arch: Arch,
        rows: Rows<'_>,
        place: &Place,
        across: &mut Across,
    ) {
        let blocks = self.panels.chunks_mut(BLOCK).zip(&mut self.active);
        let transposed = across.lanes.chunks_mut(BLOCK).zip(&mut across.active);
        let blocks = blocks.zip(transposed).enumerate();
        for (p, ((panel, samples), (across, columns))) in blocks {
            let width = width(self.columns, p);
            for (row, lanes) in panel[..place.count].iter_mut().enumerate() {
                rows.copy(place.first + row, p * BLOCK, &mut lanes.0[..width]);
            }
            panel[place.count..].fill(Lanes::ZERO);
            transpose(arch, panel, across.try_into().expect("32 rows"));
            (*samples, *columns) = active(simd, panel, width);
        }
    }

    /// Sets panel `p` from its transpose, which may have fewer than 32 rows.
    #[inline(always)]
    pub(crate) fn turn(&mut self, arch: Arch, p: usize, across: &[Lanes]) -> &[Lanes] {
        let panel = &mut self.panels[p * BLOCK..][..BLOCK];
        transpose(arch, across, panel.try_into().expect("32 rows"));
        panel
    }
}

/// Which samples of a panel, and which of its first `width` columns, are not all zero. Where every
/// column has something in it, as in most data, samples are not looked at one by one.
#[inline(always)]
fn active<S: Simd>(simd: S, panel: &[Lanes], width: usize) -> (u32, u32) {
    let mut any = Lanes::ZERO;
    // Columns that are not there count as full.
    any.0[width..].fill(1.0);
    let zero = simd.splat_u32s(0);
    let mut full = true;
    for (v, any) in vectors_mut::<S>(&mut any).iter_mut().enumerate() {
        let mut bits = simd.transmute_u32s_f32s(*any);
        for row in panel {
            bits = simd.or_u32s(bits, simd.transmute_u32s_f32s(vectors::<S>(row)[v]));
        }
        full &= simd.first_true_m32s(simd.equal_u32s(bits, zero)) == S::F32_LANES;
        *any = simd.transmute_f32s_u32s(bits);
    }
    if full {
        return (u32::MAX, u32::MAX);
    }
    let has_any = |row: &Lanes| row.0.iter().fold(0, |any, v| any | v.to_bits()) != 0;
    let columns = mask(any.0.iter().map(|any| any.to_bits() != 0));
    (mask(panel.iter().map(has_any)), columns)
}

/// Bit k for the k-th that is set.
#[inline(always)]
fn mask(set: impl Iterator<Item = bool>) -> u32 {
    let bit = |(k, set): (usize, bool)| u32::from(set) << k;
    set.enumerate().map(bit).fold(0, |mask, bit| mask | bit)
}

/// The transpose of [`Samples`]: `[column, sample]`, with rows of zeros up to a whole panel.
#[derive(Debug, Clone)]
pub(crate) struct Across {
    columns: usize,
    lanes: Vec<Lanes>,
    /// Of each panel, which columns are not zero in all samples.
    active: Vec<u32>,
}

impl Across {
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            columns,
            lanes: vec![Lanes::ZERO; panels(columns) * BLOCK],
            active: vec![u32::MAX; panels(columns)],
        }
    }

    /// Bytes that it holds.
    pub(crate) fn memory(&self) -> usize {
        self.lanes.len() * size_of::<Lanes>()
    }

    /// The columns of panel `p`.
    #[inline(always)]
    pub(crate) fn panel(&self, p: usize) -> Active<'_> {
        Active {
            rows: &self.lanes[p * BLOCK..][..width(self.columns, p)],
            mask: self.active[p],
        }
    }

    /// All columns.
    #[inline(always)]
    pub(crate) fn all_mut(&mut self) -> &mut [Lanes] {
        &mut self.lanes[..self.columns]
    }
}
