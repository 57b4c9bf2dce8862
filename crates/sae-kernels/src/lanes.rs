//! How matrices lie in memory: in blocks of 32 columns.

use bytemuck::{Pod, Zeroable};
use pulp::Simd;

/// Columns of a block, and rows of a block of samples.
pub(crate) const BLOCK: usize = 32;

/// A row of a block: two AVX-512 registers, four of AVX2, eight of NEON.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C, align(128))]
pub(crate) struct Lanes(pub [f32; BLOCK]);

impl Default for Lanes {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Lanes {
    /// All zero.
    pub(crate) const ZERO: Self = Self([0.0; BLOCK]);
}

/// Up to 32 rows, and which of them may hold something else than zeros: bit k for row k.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Active<'a> {
    pub rows: &'a [Lanes],
    pub mask: u32,
}

impl<'a> Active<'a> {
    /// Any row may.
    #[inline(always)]
    pub(crate) fn all(rows: &'a [Lanes]) -> Self {
        Self {
            rows,
            mask: u32::MAX,
        }
    }
}

/// A row as vector registers.
#[inline(always)]
pub(crate) fn vectors<S: Simd>(row: &Lanes) -> &[S::f32s] {
    bytemuck::cast_slice(&row.0)
}

/// As [`vectors`], to write to.
#[inline(always)]
pub(crate) fn vectors_mut<S: Simd>(row: &mut Lanes) -> &mut [S::f32s] {
    bytemuck::cast_slice_mut(&mut row.0)
}

/// Panels that `columns` columns need.
pub(crate) fn panels(columns: usize) -> usize {
    columns.div_ceil(BLOCK)
}

/// Columns of panel `p` that hold values, of `columns` in all.
pub(crate) fn width(columns: usize, p: usize) -> usize {
    (columns - p * BLOCK).min(BLOCK)
}

/// All numbers of some lanes.
pub(crate) fn numbers(lanes: &[Lanes]) -> &[f32] {
    bytemuck::cast_slice(lanes)
}
