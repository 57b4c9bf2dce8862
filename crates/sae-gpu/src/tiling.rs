//! How matrix products are cut into tiles: by their shapes alone, so that bits are fixed.

use crate::precision::Precision;

/// Units of a cube in each direction.
pub(crate) const UNITS: usize = 16;

/// Outputs of a unit in each direction, in the smallest tiles.
const LEAST: usize = 2;

/// Rows and columns of the smallest tiles.
pub(crate) const LEAST_SIDE: usize = LEAST * UNITS;

/// How a product is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Tiling {
    /// Outputs of a unit in each direction.
    pub per_unit: usize,
    /// Values of each row and column that are in shared memory at a time.
    pub depth: usize,
    /// What is multiplied.
    pub precision: Precision,
}

/// So many cubes keep a large GPU busy.
const BUSY: usize = 128;

impl Tiling {
    /// For an output of `rows` × `columns`: the largest tiles of which there are enough, since they read least.
    pub(crate) fn of(rows: usize, columns: usize, precision: Precision) -> Self {
        let cubes = |side: usize| rows.div_ceil(side) * columns.div_ceil(side);
        let large = [8, 4];
        let enough = |&per_unit: &usize| cubes(per_unit * UNITS) >= BUSY;
        Self {
            per_unit: large.into_iter().find(enough).unwrap_or(LEAST),
            ..Self::small(precision)
        }
    }

    /// The smallest tiles.
    pub(crate) const fn small(precision: Precision) -> Self {
        Self {
            per_unit: LEAST,
            depth: 16,
            precision,
        }
    }

    /// Rows and columns of a tile.
    pub(crate) const fn side(self) -> usize {
        self.per_unit * UNITS
    }

    /// Values of a line of shared memory: one more than a tile has, so that lines begin in different banks.
    pub(crate) const fn line(self) -> usize {
        self.side() + 1
    }

    /// Values that each unit brings into shared memory at a time.
    pub(crate) const fn turns(self) -> usize {
        self.depth * self.side() / (UNITS * UNITS)
    }

    /// Tiles in a direction of `count` outputs.
    pub(crate) const fn tiles(self, count: usize) -> usize {
        count.div_ceil(self.side())
    }
}
