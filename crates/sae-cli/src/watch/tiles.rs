//! Tiles as blocks of characters.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use sae::Tiles;
use sae::report::Tile;

/// How a cell shows two pixels, one above the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Two halves in the colours of every terminal with 256 of them.
    Colour,
    /// One character for both.
    Shade,
}

/// Tiles with more pixels than this on a side are made smaller by whole factors.
const MOST_SIDE: usize = 16;
/// From the least to the largest value.
const SHADES: [&str; 5] = [" ", "░", "▒", "▓", "█"];

/// Draws as many tiles as there is room for, and returns how many.
pub fn draw(tiles: &Tiles, ink: Ink, area: Rect, buffer: &mut Buffer) -> usize {
    let step = tiles.tile.height.max(tiles.tile.width).div_ceil(MOST_SIDE);
    let size = Tile {
        height: tiles.tile.height.div_ceil(step),
        width: tiles.tile.width.div_ceil(step),
        ..tiles.tile
    };
    let (width, height) = (size.width as u16, size.height.div_ceil(2) as u16);
    let columns = (area.width + 1) / (width + 1);
    let rows = (area.height + 1) / (height + 1);
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let mut shown = 0;
    for ((row, column), values) in places.zip(&tiles.units) {
        let corner = (area.x + column * (width + 1), area.y + row * (height + 1));
        let small = Small {
            pixels: smaller(values, tiles.tile, step, size),
            size,
        };
        small.draw(corner, ink, buffer);
        shown += 1;
    }
    shown
}

/// Each value is the mean of `step` × `step` pixels, or of those of them that there are.
fn smaller(values: &[f64], tile: Tile, step: usize, size: Tile) -> Vec<f64> {
    let mean = |row: usize, column: usize, channel: usize| {
        let rows = row * step..((row + 1) * step).min(tile.height);
        let columns = column * step..((column + 1) * step).min(tile.width);
        let count = (rows.len() * columns.len()) as f64;
        let at = |r: usize, c: usize| values[(r * tile.width + c) * tile.channels + channel];
        let of_row = |r: usize| columns.clone().map(move |c| at(r, c)).sum::<f64>();
        rows.map(of_row).sum::<f64>() / count
    };
    let mut pixels = Vec::with_capacity(size.height * size.width * size.channels);
    for row in 0..size.height {
        for column in 0..size.width {
            pixels.extend((0..size.channels).map(|channel| mean(row, column, channel)));
        }
    }
    pixels
}

/// A tile that is small enough, with values in [-1, 1].
struct Small {
    pixels: Vec<f64>,
    size: Tile,
}

impl Small {
    fn draw(&self, (left, top): (u16, u16), ink: Ink, buffer: &mut Buffer) {
        for row in (0..self.size.height).step_by(2) {
            for column in 0..self.size.width {
                let above = self.pixel(row, column);
                let below = self.pixel(row + 1, column);
                let cell = &mut buffer[(left + column as u16, top + row as u16 / 2)];
                match ink {
                    Ink::Colour => {
                        let style = Style::new().fg(above.map_or(Color::Reset, colour));
                        cell.set_symbol("▀").set_style(style);
                        cell.set_bg(below.map_or(Color::Reset, colour));
                    }
                    Ink::Shade => {
                        cell.set_symbol(shade(above.into_iter().chain(below)));
                    }
                }
            }
        }
    }

    /// The values of a pixel; none below the last row.
    fn pixel(&self, row: usize, column: usize) -> Option<&[f64]> {
        let start = (row * self.size.width + column) * self.size.channels;
        self.pixels.get(start..start + self.size.channels)
    }
}

/// Of the 256 colours the grey, or the one in the cube of 6 × 6 × 6.
fn colour(values: &[f64]) -> Color {
    const GREYS: (u8, f64) = (232, 23.0);
    const CUBE: (u8, f64) = (16, 5.0);
    let level = |value: f64, most: f64| (0.5 * (value + 1.0) * most).round() as u8;
    Color::Indexed(match values {
        [red, green, blue] => {
            let [r, g, b] = [red, green, blue].map(|&value| level(value, CUBE.1));
            CUBE.0 + 36 * r + 6 * g + b
        }
        others => GREYS.0 + level(others.first().copied().unwrap_or(0.0), GREYS.1),
    })
}

fn shade<'v>(pixels: impl Iterator<Item = &'v [f64]>) -> &'static str {
    let values: Vec<f64> = pixels.flatten().copied().collect();
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let last = (SHADES.len() - 1) as f64;
    SHADES[(0.5 * (mean + 1.0) * last).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(buffer: &Buffer) -> String {
        buffer.content.iter().map(|cell| cell.symbol()).collect()
    }

    /// Two tiles of 2 × 2 pixels side by side; for a third there is no room.
    #[test]
    fn blocks_show_the_pixels() {
        let tiles = Tiles {
            tile: Tile::grey(2, 2),
            units: vec![vec![-1.0, 1.0, -1.0, 0.0], vec![1.0; 4], vec![0.0; 4]],
            hidden: 3,
        };
        let area = Rect::new(0, 0, 5, 2);
        let mut buffer = Buffer::empty(area);
        assert_eq!(draw(&tiles, Ink::Shade, area, &mut buffer), 2);
        assert_eq!(text(&buffer), " ▓ ██     ");
        let mut buffer = Buffer::empty(area);
        draw(&tiles, Ink::Colour, area, &mut buffer);
        let cell = &buffer[(1, 0)];
        let colours = (cell.symbol(), cell.fg, cell.bg);
        assert_eq!(colours, ("▀", Color::Indexed(255), Color::Indexed(244)));
    }

    /// 18 × 34 pixels become 6 × 12, means of 3 × 3 and at the edge of 3 × 1.
    #[test]
    fn large_tiles_are_made_smaller() {
        let tile = Tile::grey(18, 34);
        let values: Vec<f64> = (0..18 * 34).map(|k| f64::from(k % 34)).collect();
        let size = Tile::grey(6, 12);
        let found = smaller(&values, tile, 3, size);
        assert_eq!(found[..3], [1.0, 4.0, 7.0]);
        assert_eq!(found[11], 33.0);
        assert_eq!(found.len(), 72);
    }

    #[test]
    fn colours_are_those_of_the_cube() {
        assert_eq!(colour(&[1.0, -1.0, -1.0]), Color::Indexed(196));
        assert_eq!(colour(&[-1.0]), Color::Indexed(232));
    }
}
