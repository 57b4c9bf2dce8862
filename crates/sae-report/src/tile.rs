//! One image of a picture.

use crate::ReportError;

/// Size of one image in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// Values per pixel, which lie beside each other: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
}

impl Tile {
    /// Of a grey image.
    pub fn grey(height: usize, width: usize) -> Self {
        Self {
            height,
            width,
            channels: 1,
        }
    }

    pub(crate) fn area(self) -> usize {
        self.height * self.width * self.channels
    }

    /// The number of whole images in `count` values.
    pub(crate) fn images(self, picture: &'static str, count: usize) -> Result<usize, ReportError> {
        if !matches!(self.channels, 1 | 3) || self.area() == 0 || !count.is_multiple_of(self.area())
        {
            return Err(self.misfit(picture, count));
        }
        match count / self.area() {
            0 => Err(ReportError::Empty { picture }),
            images => Ok(images),
        }
    }

    /// The error of values that are not the images that are needed.
    pub(crate) fn misfit(self, picture: &'static str, found: usize) -> ReportError {
        ReportError::Shape {
            picture,
            found,
            height: self.height,
            width: self.width,
        }
    }

    /// Refuses images with a pixel that is not finite; `name` is what one of them is called.
    pub(crate) fn check_pixels(
        self,
        picture: &'static str,
        name: &str,
        values: &[f32],
    ) -> Result<(), ReportError> {
        check_finite(picture, values, |index| {
            let (image, value) = (index / self.area(), index % self.area());
            let pixel = value / self.channels;
            format!("pixel {pixel} of {name} {image} (counted from 0)")
        })
    }
}

/// Values in [0, 1] as grey levels; what lies outside is clipped.
pub(crate) fn grey(values: &[f32]) -> Vec<u8> {
    let level = |v: &f32| (255.0 * v.clamp(0.0, 1.0)).round() as u8;
    values.iter().map(level).collect()
}

/// Refuses NaN and infinities; `place` says in words where the value of an index belongs.
pub(crate) fn check_finite<V: Copy + Into<f64>>(
    picture: &'static str,
    values: &[V],
    place: impl Fn(usize) -> String,
) -> Result<(), ReportError> {
    let numbers = values.iter().map(|&v| v.into());
    match numbers.enumerate().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((index, value)) => Err(ReportError::NotFinite {
            picture,
            place: place(index),
            value,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_levels_are_clipped() {
        assert_eq!(grey(&[-1.0, 0.0, 0.5, 1.0, 2.0]), [0, 0, 128, 255, 255]);
    }
}
