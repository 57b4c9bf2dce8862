//! Shades that stand for numbers.

use plotters::style::{BLACK, RGBColor, WHITE};

use crate::style::SIGNS;

/// The shades of 1 and of -1.
const DARKEST: [RGBColor; 2] = [RGBColor(0x00, 0x2B, 0x49), RGBColor(0x5A, 0x24, 0x00)];
/// The luminance below which white contrasts more with a shade than black.
const WHITE_BELOW: f64 = 0.179;

/// The shade of a share in [-1, 1]: white is 0, and halfway lies the colour of its sign.
pub(crate) fn of(share: f64) -> RGBColor {
    let sign = usize::from(share < 0.0);
    match 2.0 * share.abs() {
        t if t <= 1.0 => mix(WHITE, SIGNS[sign], t),
        t => mix(SIGNS[sign], DARKEST[sign], (t - 1.0).min(1.0)),
    }
}

fn mix(from: RGBColor, to: RGBColor, t: f64) -> RGBColor {
    let channel = |a: u8, b: u8| (f64::from(a) + t * (f64::from(b) - f64::from(a))) as u8;
    RGBColor(
        channel(from.0, to.0),
        channel(from.1, to.1),
        channel(from.2, to.2),
    )
}

/// The colour of text on the shade of a share.
pub(crate) fn text_on(share: f64) -> RGBColor {
    match luminance(of(share)) < WHITE_BELOW {
        true => WHITE,
        false => BLACK,
    }
}

/// The relative luminance of a colour, as the guidelines for accessible web content define it.
fn luminance(colour: RGBColor) -> f64 {
    let linear = |channel: u8| match f64::from(channel) / 255.0 {
        c if c <= 0.040_45 => c / 12.92,
        c => ((c + 0.055) / 1.055).powf(2.4),
    };
    0.2126 * linear(colour.0) + 0.7152 * linear(colour.1) + 0.0722 * linear(colour.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_go_from_white_by_the_sign_to_dark() {
        assert_eq!(of(0.0), WHITE);
        assert_eq!((of(0.5), of(-0.5)), (SIGNS[0], SIGNS[1]));
        assert_eq!((of(1.0), of(-1.0)), (DARKEST[0], DARKEST[1]));
        assert_eq!(of(0.25), RGBColor(0x7F, 0xB8, 0xD8));
    }

    /// 4.5 is what the guidelines ask of small text.
    #[test]
    fn text_contrasts_with_every_shade() {
        for share in (-50..=50).map(|i| f64::from(i) / 50.0) {
            let (shade, text) = (luminance(of(share)), luminance(text_on(share)));
            let contrast = (shade.max(text) + 0.05) / (shade.min(text) + 0.05);
            assert!(contrast >= 4.5, "{share}: {contrast}");
        }
    }
}
