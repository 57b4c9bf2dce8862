//! SVG drawings as PNG.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

use crate::{ReportError, png_file};

const PICTURE: &str = "drawing as PNG";
/// Pixels per unit of the drawing, ...
const SCALE: f32 = 2.0;
/// ... unless a side would have more pixels than this.
const MOST_PIXELS: f32 = 8192.0;
/// The family of [`epaint_default_fonts::UBUNTU_LIGHT`].
const FAMILY: &str = "Ubuntu";

/// The one font that drawings are set in, whatever fonts a machine has.
static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    Arc::new(fonts)
});

/// A drawing as a PNG of twice its size (less where a side would have more than 8192 pixels), on
/// white, with its text in Ubuntu Light. Letters that this font lacks become boxes: it has
/// Latin, Greek and Cyrillic ones.
///
/// # Errors
///
/// Refuses what is no SVG.
pub fn rasterise(svg: &str) -> Result<Vec<u8>, ReportError> {
    let failed = |reason: String| ReportError::Encode {
        picture: PICTURE,
        reason,
    };
    let options = Options {
        fontdb: FONTS.clone(),
        font_family: FAMILY.to_owned(),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|error| failed(error.to_string()))?;
    let size = tree.size();
    let scale = SCALE.min(MOST_PIXELS / size.width().max(size.height()));
    let pixels = |length: f32| (length * scale).round().max(1.0) as u32;
    let mut canvas = Pixmap::new(pixels(size.width()), pixels(size.height()))
        .ok_or_else(|| failed("it has no size".to_owned()))?;
    canvas.fill(Color::WHITE);
    let enlarged = Transform::from_scale(scale, scale);
    resvg::render(&tree, enlarged, &mut canvas.as_mut());
    let rgb: Vec<u8> = canvas
        .pixels()
        .iter()
        .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
        .collect();
    let size = (canvas.width() as usize, canvas.height() as usize);
    png_file::encode(PICTURE, size, 3, &rgb, "A drawing, on white.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::png_file::tests::Decoded;

    fn drawing(content: &str) -> Decoded {
        let svg = format!(
            "<svg width=\"60\" height=\"20\" xmlns=\"http://www.w3.org/2000/svg\">{content}</svg>"
        );
        Decoded::of(&rasterise(&svg).unwrap())
    }

    fn dark_pixels(picture: &Decoded) -> usize {
        let pixels = picture.pixels.chunks(3);
        pixels.filter(|pixel| pixel[0] < 128).count()
    }

    #[test]
    fn shapes_are_twice_as_large_on_white() {
        let picture = drawing("<rect x=\"1\" y=\"2\" width=\"3\" height=\"4\" fill=\"#0072B2\"/>");
        assert_eq!((picture.width, picture.pixels.len()), (120, 120 * 40 * 3));
        let at = |x: usize, y: usize| &picture.pixels[(y * 120 + x) * 3..][..3];
        assert_eq!(at(0, 0), [255; 3]);
        assert_eq!(at(2, 4), [0, 0x72, 0xB2]);
        assert_eq!(dark_pixels(&picture), 6 * 8);
    }

    /// With the font that is carried along, since none of the machine's is loaded.
    #[test]
    fn text_is_there() {
        let text = |letters: &str| {
            let style = "x=\"2\" y=\"15\" font-size=\"14\" font-family=\"sans-serif\"";
            dark_pixels(&drawing(&format!("<text {style}>{letters}</text>")))
        };
        assert_eq!(text(""), 0);
        let (short, long) = (text("l"), text("llll"));
        assert!(short > 10 && long > 3 * short, "{short} and {long}");
        for letter in ["ρ", "β", "‖", "…", "−", "é"] {
            assert!(text(letter) > 0, "{letter}");
        }
    }

    #[test]
    fn what_is_no_svg_is_refused() {
        assert!(rasterise("<svg").is_err() && rasterise("").is_err());
    }
}
