//! Equal tiles in a grid.

use crate::Tile;

/// Brightness of the lines between tiles.
const GAP: u8 = 64;
/// Pictures are enlarged by whole pixels up to about this width.
const TARGET_WIDTH: usize = 640;

/// The numbers of columns and rows of a grid of `count` tiles, as square as possible and never
/// taller than wide.
pub(crate) fn square(count: usize) -> (usize, usize) {
    let columns = (1..).find(|c| c * c >= count).unwrap_or(1);
    (columns, count.div_ceil(columns))
}

/// Draws tiles row by row with a line between them; returns (width, height) and the pixels.
pub(crate) fn draw(tile: Tile, columns: usize, tiles: &[Vec<u8>]) -> ((usize, usize), Vec<u8>) {
    let (rows, channels) = (tiles.len().div_ceil(columns), tile.channels);
    let (width, height) = (columns * (tile.width + 1) + 1, rows * (tile.height + 1) + 1);
    let mut small = vec![GAP; width * height * channels];
    for (index, pixels) in tiles.iter().enumerate() {
        let left = 1 + (index % columns) * (tile.width + 1);
        let top = 1 + (index / columns) * (tile.height + 1);
        for (row, line) in pixels.chunks(tile.width * channels).enumerate() {
            let start = ((top + row) * width + left) * channels;
            small[start..start + line.len()].copy_from_slice(line);
        }
    }
    let scale = (TARGET_WIDTH / width).max(1);
    (
        (width * scale, height * scale),
        enlarge(&small, width, channels, scale),
    )
}

fn enlarge(pixels: &[u8], width: usize, channels: usize, scale: usize) -> Vec<u8> {
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
    fn tiles_lie_where_they_should() {
        let tile = Tile::grey(1, 2);
        let tiles = vec![vec![1, 2], vec![3, 4], vec![5, 6]];
        let ((width, height), pixels) = draw(tile, 2, &tiles);
        let scale = 640 / 7;
        assert_eq!((width, height), (7 * scale, 5 * scale));
        let at = |row: usize, column: usize| pixels[row * scale * width + column * scale];
        let line = |row: usize| (0..7).map(|c| at(row, c)).collect::<Vec<_>>();
        assert_eq!(line(0), [GAP; 7]);
        assert_eq!(line(1), [GAP, 1, 2, GAP, 3, 4, GAP]);
        assert_eq!(line(3), [GAP, 5, 6, GAP, GAP, GAP, GAP]);
    }

    #[test]
    fn the_colours_of_a_pixel_stay_together() {
        let tile = Tile {
            channels: 3,
            ..Tile::grey(1, 1)
        };
        let ((width, _), pixels) = draw(tile, 1, &[vec![1, 2, 3]]);
        let scale = 640 / 3;
        assert_eq!(width, 3 * scale);
        let middle = (scale * width + scale) * 3;
        assert_eq!(pixels[middle..middle + 6], [1, 2, 3, 1, 2, 3]);
        assert_eq!(pixels[..3], [GAP; 3]);
    }
}
