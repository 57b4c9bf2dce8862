//! How drawings look: one palette, one font, thin grids, and text that fits.

use std::io;

use plotters::coord::Shift;
use plotters::drawing::DrawingAreaErrorKind;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use unicode_width::UnicodeWidthChar;

use crate::ReportError;

/// A drawing, or a part of it, in pixels.
pub(crate) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What drawing leads to.
pub(crate) type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<io::Error>>;

/// Colours that people with any colour vision tell apart: Okabe and Ito's, without yellow, which is
/// hardly seen on white.
pub(crate) const PALETTE: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x33, 0x33, 0x33),
];
/// Of what is positive, and of what is negative.
pub(crate) const SIGNS: [RGBColor; 2] = [PALETTE[0], PALETTE[1]];
pub(crate) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(crate) const GRID: RGBColor = RGBColor(0xE3, 0xE3, 0xE3);
pub(crate) const AXIS: RGBColor = RGBColor(0x88, 0x88, 0x88);

/// The SVG backend divides the sizes of fonts by this.
const PER_PIXEL: f64 = 1.24;
/// Sizes of fonts: 12 pixels, and 15.
pub(crate) const TEXT: f64 = 12.0 * PER_PIXEL;
pub(crate) const CAPTION: f64 = 15.0 * PER_PIXEL;
/// Height of a line of text in pixels.
pub(crate) const LINE: i32 = 18;
/// Width of a usual letter of a sans-serif font, as a share of its size.
const LETTER: f64 = 0.56;
/// Stands for the middle of a text that is too long.
const ELLIPSIS: char = '…';

/// The colour of the `index`th of several things.
pub(crate) fn colour(index: usize) -> RGBColor {
    PALETTE[index % PALETTE.len()]
}

/// Text whose named point lies where it is put.
pub(crate) fn text(size: f64, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    let font = ("sans-serif", size).into_font();
    TextStyle::from(font)
        .color(&INK)
        .pos(Pos::new(horizontal, vertical))
}

/// About how many pixels wide a text is.
pub(crate) fn width(text: &str, size: f64) -> i32 {
    (columns(text) as f64 * LETTER * size / PER_PIXEL).ceil() as i32
}

fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(1)).sum()
}

/// A text on one line that is at most about `pixels` wide, and holds nothing that SVG does not
/// allow. Where it is too long, both ends are kept: names often differ in the last letters.
pub(crate) fn fitted(text: &str, size: f64, pixels: i32) -> String {
    let clean = |c: char| match c {
        '\t' | '\n' | '\r' => ' ',
        c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    let text: String = text.chars().map(clean).collect();
    let most = (f64::from(pixels) * PER_PIXEL / (LETTER * size)).floor() as usize;
    if columns(&text) <= most {
        return text;
    }
    let start = most.saturating_sub(1) * 2 / 3;
    let end = most.saturating_sub(1) - start;
    let last: String = first_columns(text.chars().rev(), end)
        .into_iter()
        .rev()
        .collect();
    let first: String = first_columns(text.chars(), start).into_iter().collect();
    format!("{}{ELLIPSIS}{}", first.trim_end(), last.trim_start())
}

/// As many letters as fit into some columns.
fn first_columns(letters: impl Iterator<Item = char>, columns: usize) -> Vec<char> {
    let mut left = columns;
    let fits = |c: &char| {
        let rest = left.checked_sub(c.width().unwrap_or(1));
        left = rest.unwrap_or(left);
        rest.is_some()
    };
    letters.take_while(fits).collect()
}

/// A number in a few characters.
pub(crate) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if !(1e-3..1e6).contains(&magnitude) {
        format!("{value:.1e}")
    } else {
        let whole_digits = magnitude.log10().floor().max(0.0) as usize + 1;
        let text = format!("{value:.*}", 4usize.saturating_sub(whole_digits));
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text,
        }
    }
}

/// The SVG of what `draw` draws on a white canvas of a size in pixels.
pub(crate) fn drawing(
    picture: &'static str,
    size: (i32, i32),
    draw: impl FnOnce(&Canvas<'_>) -> Drawn,
) -> Result<String, ReportError> {
    drawing_over(picture, size, "", draw)
}

/// As [`drawing`], over elements of SVG that lie on the white canvas.
pub(crate) fn drawing_over(
    picture: &'static str,
    size: (i32, i32),
    below: &str,
    draw: impl FnOnce(&Canvas<'_>) -> Drawn,
) -> Result<String, ReportError> {
    const END: &str = "/>\n";
    let mut svg = String::new();
    let drawn = || {
        let size = (size.0 as u32, size.1 as u32);
        let canvas = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        canvas.fill(&WHITE)?;
        draw(&canvas)?;
        canvas.present()
    };
    drawn().map_err(|error| ReportError::Encode {
        picture,
        reason: error.to_string(),
    })?;
    // The white is the first element.
    let white = svg.find(END).map_or(0, |start| start + END.len());
    svg.insert_str(white, below);
    Ok(svg)
}

/// Draws a title in the middle of the upper edge.
pub(crate) fn title(canvas: &Canvas<'_>, title: &str) -> Drawn {
    let width = canvas.dim_in_pixel().0 as i32;
    let style = text(CAPTION, HPos::Center, VPos::Top);
    canvas.draw_text(&fitted(title, CAPTION, width - 16), &style, (width / 2, 8))
}

/// Height of a title with the space around it.
pub(crate) const TITLE: i32 = 34;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_shortened() {
        // 12 letters of 0.56 · 12 pixels are 81 pixels wide.
        assert_eq!(width("abcdefghijkl", TEXT), 81);
        assert_eq!(fitted("abcdefghijkl", TEXT, 81), "abcdefghijkl");
        assert_eq!(fitted("abcdefghijkl", TEXT, 80), "abcdef…ijkl");
        assert_eq!(fitted("漢字漢字漢字漢字", TEXT, 80), "漢字漢…漢字");
        assert_eq!(fitted("abc", TEXT, 0), "…");
    }

    #[test]
    fn what_svg_does_not_allow_is_replaced() {
        assert_eq!(
            fitted("a\nb\u{1b}c\u{0}", TEXT, 200),
            "a b\u{FFFD}c\u{FFFD}"
        );
    }

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (12.0, "12"),
            (1234.56, "1235"),
            (120.0, "120"),
            (0.12345, "0.123"),
            (-2.5, "-2.5"),
            (1e-7, "1.0e-7"),
            (3.2e12, "3.2e12"),
        ];
        for (value, expected) in cases {
            assert_eq!(number(value), expected);
        }
    }
}
