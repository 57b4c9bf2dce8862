//! The cells of a matrix as few elements of SVG.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use plotters::style::RGBColor;

use crate::shade;
use crate::style::GRID;

/// Shades between none and the full one; cells whose shares lie within a step look alike.
const SHADES: f64 = 32.0;
/// Cells that are wider and higher than this have lines between them.
const SMALL: f64 = 15.0;

/// Shares of groups of neighbouring columns and rows, at most as many as `most` (across, down): of
/// each group the largest magnitude.
pub(crate) fn grouped(shares: &[Vec<f64>], most: (usize, usize)) -> Vec<Vec<f64>> {
    let (columns, rows) = (shares[0].len(), shares.len());
    let (width, height) = (columns.div_ceil(most.0), rows.div_ceil(most.1));
    let larger = |a: f64, b: &f64| if b.abs() > a.abs() { *b } else { a };
    let group = |rows: &[Vec<f64>], left: usize| {
        let right = columns.min(left + width);
        let values = rows.iter().flat_map(|row| &row[left..right]);
        values.fold(0.0, larger)
    };
    let line = |rows: &[Vec<f64>]| -> Vec<f64> {
        let lefts = (0..columns).step_by(width);
        lefts.map(|left| group(rows, left)).collect()
    };
    shares.chunks(height).map(line).collect()
}

/// A path for each shade, in which every cell is a horizontal stroke: a tenth of as many rectangles.
/// The upper left corner lies at `corner`, and a cell has the size `cell`, both in pixels.
pub(crate) fn paths(shares: &[Vec<f64>], corner: (i32, i32), cell: (f64, f64)) -> String {
    let gap = if cell.0.min(cell.1) > SMALL { 1.0 } else { 0.0 };
    let length = (1e3 * (1.0 - gap / cell.0)).round() / 1e3;
    let mut shades: BTreeMap<i32, String> = BTreeMap::new();
    for (row, shares) in shares.iter().enumerate() {
        for (column, share) in shares.iter().enumerate() {
            let level = (share * SHADES).round() as i32;
            let path = shades.entry(level).or_default();
            // Writing to a string does not fail.
            let _ = write!(path, "M{column} {row}h{length}");
        }
    }
    // One unit is a cell, and strokes are drawn around the middle.
    let (left, top) = (
        f64::from(corner.0),
        f64::from(corner.1) + (cell.1 - gap) / 2.0,
    );
    let mut svg = String::new();
    if gap > 0.0 {
        let width = shares[0].len() as f64 * cell.0 - gap;
        let height = shares.len() as f64 * cell.1 - gap;
        let (x, y, fill) = (corner.0, corner.1, hex(GRID));
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width:.2}\" height=\"{height:.2}\" \
             fill=\"{fill}\"/>"
        );
    }
    let stroke = 1.0 - gap / cell.1;
    let _ = writeln!(
        svg,
        "<g transform=\"translate({left:.2} {top:.2}) scale({:.4} {:.4})\" \
         stroke-width=\"{stroke:.3}\" shape-rendering=\"crispEdges\">",
        cell.0, cell.1
    );
    for (level, path) in shades {
        let colour = hex(shade::of(f64::from(level) / SHADES));
        let _ = writeln!(svg, "<path stroke=\"{colour}\" d=\"{path}\"/>");
    }
    svg + "</g>\n"
}

fn hex(RGBColor(r, g, b): RGBColor) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::png_file::tests::Decoded;

    #[test]
    fn groups_have_the_share_of_the_largest_magnitude() {
        let shares = [
            vec![0.1, -0.5, 0.2],
            vec![0.3, 0.4, 0.0],
            vec![0.0, 0.0, -0.1],
        ];
        assert_eq!(grouped(&shares, (2, 2)), [vec![-0.5, 0.2], vec![0.0, -0.1]]);
        assert_eq!(grouped(&shares, (3, 3)), shares);
    }

    /// Drawn, every cell has its shade, and a line beside it where it is large.
    #[test]
    fn cells_lie_where_they_should() {
        let shares = [vec![0.0, 1.0], vec![-0.5, 0.5]];
        let colour = |share: f64| {
            let RGBColor(r, g, b) = shade::of(share);
            [r, g, b]
        };
        for side in [4.0, 20.0] {
            let cells = paths(&shares, (3, 5), (side, side));
            let svg = format!(
                "<svg width=\"60\" height=\"60\" xmlns=\"http://www.w3.org/2000/svg\">{cells}</svg>"
            );
            let picture = Decoded::of(&crate::rasterise(&svg).unwrap());
            let at = |x: f64, y: f64| -> [u8; 3] {
                let (x, y) = ((2.0 * x) as usize, (2.0 * y) as usize);
                let start = (y * picture.width + x) * 3;
                picture.pixels[start..start + 3].try_into().unwrap()
            };
            for (row, shares) in shares.iter().enumerate() {
                for (column, share) in shares.iter().enumerate() {
                    let (x, y) = (3.0 + column as f64 * side, 5.0 + row as f64 * side);
                    for (dx, dy) in [(0.5, 0.5), (side - 1.5, side - 1.5)] {
                        assert_eq!(at(x + dx, y + dy), colour(*share), "{side} {row} {column}");
                    }
                }
            }
            let line = at(3.0 + side - 0.5, 6.0);
            assert_eq!(line == [GRID.0, GRID.1, GRID.2], side > SMALL);
        }
    }
}
