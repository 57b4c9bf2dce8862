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
    /// The largest tiles of which there are enough by `tiles`, since they read least, and whose cubes need no more
    /// than `shared` bytes of shared memory.
    pub(crate) fn largest(
        precision: Precision,
        shared: usize,
        tiles: impl Fn(Self) -> usize,
    ) -> Self {
        let of = |per_unit| Self {
            per_unit,
            // As much shared memory as tiles of half the side.
            depth: if per_unit > 4 { 8 } else { 16 },
            precision,
        };
        let large = [8, 4].map(of).into_iter();
        let mut suits = large.filter(|tiling| tiling.shared() <= shared && tiles(*tiling) >= BUSY);
        suits.next().unwrap_or(of(LEAST))
    }

    /// For an output of `rows` × `columns`.
    pub(crate) fn of((rows, columns): (usize, usize), precision: Precision, shared: usize) -> Self {
        Self::largest(precision, shared, |tiling| {
            tiling.tiles(rows) * tiling.tiles(columns)
        })
    }

    /// The smallest tiles.
    pub(crate) fn small(precision: Precision) -> Self {
        Self::largest(precision, 0, |_| 0)
    }

    /// Bytes of shared memory that the neediest kernel takes: two panels, two times the sums of each unit's columns,
    /// what is used of each column, and the sum of a cube.
    pub(crate) const fn shared(self) -> usize {
        let panels = 2 * self.depth * self.line();
        let sums = 2 * UNITS * self.side() + self.side();
        4 * (panels + sums + UNITS * UNITS)
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
