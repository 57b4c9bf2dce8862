//! Equal tiles in a grid.

use crate::Tile;

/// Brightness of the lines between tiles.
const GAP: u8 = 64;
/// Width of the lines between groups of columns, beside the line that is there anyway.
const GROUP_GAP: usize = 4;
/// Pictures are enlarged by whole pixels up to about this width, ...
const TARGET_WIDTH: usize = 640;
/// ... and further until a tile is as wide as this, ...
const TILE_WIDTH: usize = 72;
/// ... unless the picture would be larger than this.
const MOST_WIDTH: usize = 2400;
const MOST_HEIGHT: usize = 2 * MOST_WIDTH;

/// The numbers of columns and rows of a grid of `count` tiles, as square as possible and never
/// taller than wide.
pub(crate) fn square(count: usize) -> (usize, usize) {
    let columns = (1..).find(|c| c * c >= count).unwrap_or(1);
    (columns, count.div_ceil(columns))
}

/// The columns of a grid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    count: usize,
    /// Columns that stand together, between wider gaps.
    group: usize,
}

impl Columns {
    /// Columns with the same gap between any two.
    pub(crate) fn even(count: usize) -> Self {
        Self {
            count,
            group: count,
        }
    }

    /// Groups of `group` columns for `groups` groups of tiles, as many side by side as make the
    /// picture about square.
    pub(crate) fn grouped(tile: Tile, group: usize, groups: usize) -> Self {
        let width = group * (tile.width + 1) + GROUP_GAP;
        let beside = (groups as f64 * (tile.height + 1) as f64 / width as f64).sqrt();
        Self {
            count: group * (beside as usize).clamp(1, groups),
            group,
        }
    }

    /// Where a column begins, in pixels before enlargement.
    fn left(self, tile: Tile, column: usize) -> usize {
        1 + column * (tile.width + 1) + column / self.group * GROUP_GAP
    }

    fn width(self, tile: Tile) -> usize {
        self.left(tile, self.count - 1) + tile.width + 1
    }
}

/// Draws tiles row by row with lines between them; returns (width, height) and the pixels.
pub(crate) fn draw(tile: Tile, columns: Columns, tiles: &[Vec<u8>]) -> ((usize, usize), Vec<u8>) {
    let (rows, channels) = (tiles.len().div_ceil(columns.count), tile.channels);
    let (width, height) = (columns.width(tile), rows * (tile.height + 1) + 1);
    let mut small = vec![GAP; width * height * channels];
    for (index, pixels) in tiles.iter().enumerate() {
        let left = columns.left(tile, index % columns.count);
        let top = 1 + (index / columns.count) * (tile.height + 1);
        for (row, line) in pixels.chunks(tile.width * channels).enumerate() {
            let start = ((top + row) * width + left) * channels;
            small[start..start + line.len()].copy_from_slice(line);
        }
    }
    let scale = enlargement(tile, (width, height));
    (
        (width * scale, height * scale),
        enlarge(&small, width, channels, scale),
    )
}

/// By how much a picture of a size in pixels is enlarged.
fn enlargement(tile: Tile, (width, height): (usize, usize)) -> usize {
    let wanted = TILE_WIDTH.div_ceil(tile.width).max(TARGET_WIDTH / width);
    wanted
        .min(MOST_WIDTH / width)
        .min(MOST_HEIGHT / height)
        .max(1)
}

/// Every pixel as `scale` · `scale` equal ones.
pub(crate) fn enlarge(pixels: &[u8], width: usize, channels: usize, scale: usize) -> Vec<u8> {
    pixels
        .chunks(width * channels)
        .flat_map(|line| {
            let wide: Vec<u8> = line
                .chunks(channels)
                .flat_map(|pixel| std::iter::repeat_n(pixel, scale).flatten().copied())
                .collect();
            std::iter::repeat_n(wide, scale).flatten()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_are_as_square_as_possible() {
        let cases = [
            (1, (1, 1)),
            (2, (2, 1)),
            (3, (2, 2)),
            (9, (3, 3)),
            (10, (4, 3)),
            (100, (10, 10)),
            (200, (15, 14)),
        ];
        for (count, expected) in cases {
            assert_eq!(square(count), expected, "{count}");
        }
    }

    #[test]
    fn tiles_are_large_enough_to_see() {
        let scale = |tile: Tile, count| {
            let (columns, rows) = square(count);
            let width = Columns::even(columns).width(tile);
            enlargement(tile, (width, rows * (tile.height + 1) + 1))
        };
        // 3 · 28 = 84 pixels, in a picture of 1308; 15 · 29 + 1 = 436 before.
        assert_eq!(scale(Tile::grey(28, 28), 200), 3);
        // 5 · (4 + 1) + 1 = 26 columns of pixels make 640.
        assert_eq!(scale(Tile::grey(4, 4), 25), 24);
        // 32 · 29 + 1 = 929 pixels: three times would be wider than 2400.
        assert_eq!(scale(Tile::grey(28, 28), 1000), 2);
        assert_eq!(scale(Tile::grey(224, 224), 100), 1);
        assert_eq!(scale(Tile::grey(10_000, 1), 4), 1);
    }

    #[test]
    fn tiles_lie_where_they_should() {
        let tile = Tile::grey(1, 2);
        let tiles = vec![vec![1, 2], vec![3, 4], vec![5, 6]];
        let ((width, height), pixels) = draw(tile, Columns::even(2), &tiles);
        let scale = 640 / 7;
        assert_eq!((width, height), (7 * scale, 5 * scale));
        let at = |row: usize, column: usize| pixels[row * scale * width + column * scale];
        let line = |row: usize| (0..7).map(|c| at(row, c)).collect::<Vec<_>>();
        assert_eq!(line(0), [GAP; 7]);
        assert_eq!(line(1), [GAP, 1, 2, GAP, 3, 4, GAP]);
        assert_eq!(line(3), [GAP, 5, 6, GAP, GAP, GAP, GAP]);
    }

    #[test]
    fn groups_of_columns_stand_apart() {
        let tile = Tile::grey(1, 1);
        let columns = Columns { count: 4, group: 2 };
        let ((width, _), pixels) = draw(tile, columns, &[vec![1], vec![2], vec![3], vec![4]]);
        let scale = TILE_WIDTH;
        assert_eq!(width, 13 * scale);
        let line: Vec<u8> = (0..13).map(|c| pixels[scale * width + c * scale]).collect();
        let gap = [GAP; GROUP_GAP + 1];
        let expected = [&[GAP, 1, GAP, 2][..], &gap, &[3, GAP, 4, GAP]].concat();
        assert_eq!(line, expected);
        // 100 groups of 9 tiles of 30 pixels: three side by side.
        let columns = Columns::grouped(Tile::grey(30, 30), 9, 100);
        assert_eq!((columns.count, columns.group), (27, 9));
        assert_eq!(Columns::grouped(tile, 9, 1).count, 9);
    }

    #[test]
    fn the_colours_of_a_pixel_stay_together() {
        let tile = Tile {
            channels: 3,
            ..Tile::grey(1, 1)
        };
        let ((width, _), pixels) = draw(tile, Columns::even(1), &[vec![1, 2, 3]]);
        let scale = 640 / 3;
        assert_eq!(width, 3 * scale);
        let middle = (scale * width + scale) * 3;
        assert_eq!(pixels[middle..middle + 6], [1, 2, 3, 1, 2, 3]);
        assert_eq!(pixels[..3], [GAP; 3]);
    }
}
