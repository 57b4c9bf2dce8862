//! A table of input values, one row per sample.

use crate::{DataError, Lent};

/// Rows of equal width, kept as bytes where the source has bytes (an eighth of an MNIST run's
/// memory otherwise goes into copies of its pixels).
#[derive(Debug, Clone, PartialEq)]
pub enum Samples {
    /// Pixels; a byte v stands for the value v / 255.
    Bytes {
        /// Values per row.
        width: usize,
        /// All rows, one after the other.
        values: Vec<u8>,
    },
    /// Numbers as they are, for example codes.
    Floats {
        /// Values per row.
        width: usize,
        /// All rows, one after the other.
        values: Vec<f32>,
    },
    /// Numbers as they are, where somebody else keeps them.
    Lent {
        /// Values per row.
        width: usize,
        /// All rows, one after the other.
        values: Lent,
    },
    /// Numbers in double precision, for exact evaluations.
    Doubles {
        /// Values per row.
        width: usize,
        /// All rows, one after the other.
        values: Vec<f64>,
    },
}

impl Samples {
    /// Values per row.
    pub fn width(&self) -> usize {
        match self {
            Self::Bytes { width, .. }
            | Self::Floats { width, .. }
            | Self::Lent { width, .. }
            | Self::Doubles { width, .. } => *width,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        let values = match self {
            Self::Bytes { values, .. } => values.len(),
            Self::Floats { values, .. } => values.len(),
            Self::Lent { values, .. } => values.len(),
            Self::Doubles { values, .. } => values.len(),
        };
        values.checked_div(self.width()).unwrap_or(0)
    }

    /// Row and column of the first value that is NaN or infinite, in single precision, in which models
    /// compute.
    pub fn first_not_finite(&self) -> Option<(usize, usize)> {
        let place = match self {
            Self::Bytes { .. } => None,
            Self::Floats { values, .. } => first_not_finite(values),
            Self::Lent { values, .. } => first_not_finite(values),
            Self::Doubles { values, .. } => values.iter().position(|&v| !(v as f32).is_finite()),
        };
        place.map(|place| (place / self.width(), place % self.width()))
    }

    /// The least and the largest value; (0, 0) without any.
    pub fn range(&self) -> (f64, f64) {
        fn of<T: Copy>(values: &[T], convert: impl Fn(T) -> f64) -> Option<(f64, f64)> {
            let values = values.iter().map(|&value| convert(value));
            values.fold(None, |range, value| match range {
                None => Some((value, value)),
                Some((low, high)) => Some((low.min(value), high.max(value))),
            })
        }
        let range = match self {
            Self::Bytes { values, .. } => of(values, |v| f64::from(v) / 255.0),
            Self::Floats { values, .. } => of(values, f64::from),
            Self::Lent { values, .. } => of(values, f64::from),
            Self::Doubles { values, .. } => of(values, |v| v),
        };
        range.unwrap_or((0.0, 0.0))
    }

    /// The same rows without numbers in double precision, which become single.
    pub fn in_single(self) -> Self {
        match self {
            Self::Doubles { width, values } => Self::Floats {
                width,
                values: values.into_iter().map(|value| value as f32).collect(),
            },
            other => other,
        }
    }

    /// All values where they lie in single precision.
    pub fn singles(&self) -> Option<&[f32]> {
        match self {
            Self::Floats { values, .. } => Some(values),
            Self::Lent { values, .. } => Some(values),
            Self::Bytes { .. } | Self::Doubles { .. } => None,
        }
    }

    /// No rows yet, with room for `rows`; bytes where a value takes one, else single precision.
    pub(crate) fn with_capacity(width: usize, value_bytes: usize, rows: usize) -> Self {
        match value_bytes {
            1 => Self::Bytes {
                width,
                values: Vec::with_capacity(rows * width),
            },
            _ => Self::Floats {
                width,
                values: Vec::with_capacity(rows * width),
            },
        }
    }

    /// The first `count` rows, and the others.
    pub(crate) fn split_at(&self, count: usize) -> (Self, Self) {
        let rows: Vec<usize> = (0..self.rows()).collect();
        let (first, others) = rows.split_at(count);
        (self.select(first), self.select(others))
    }

    /// No rows, and the room that was there.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::Bytes { values, .. } => values.clear(),
            Self::Floats { values, .. } => values.clear(),
            Self::Doubles { values, .. } => values.clear(),
            Self::Lent { width, .. } => *self = Self::with_capacity(*width, size_of::<f32>(), 0),
        }
    }

    /// Bytes that a value takes in memory.
    pub fn value_bytes(&self) -> usize {
        match self {
            Self::Bytes { .. } => 1,
            Self::Floats { .. } | Self::Lent { .. } => size_of::<f32>(),
            Self::Doubles { .. } => size_of::<f64>(),
        }
    }

    /// Adds rows below. Bytes stay bytes if both are; otherwise all become single precision.
    ///
    /// # Errors
    ///
    /// Refuses rows of another width.
    pub fn extend(&mut self, more: &Self) -> Result<(), DataError> {
        if self.width() != more.width() {
            return Err(DataError::Unsuitable {
                found: format!("rows have {} values", more.width()),
                expected: format!("{}, as those before", self.width()),
            });
        }
        match (&mut *self, more) {
            (Self::Bytes { values, .. }, Self::Bytes { values: more, .. }) => values.extend(more),
            (Self::Floats { values, .. }, more) => more.append_singles(values),
            (own, more) => {
                let mut values = Vec::new();
                own.append_singles(&mut values);
                more.append_singles(&mut values);
                let width = more.width();
                *self = Self::Floats { width, values };
            }
        }
        Ok(())
    }

    /// Adds rows below, of the same kind as those before.
    ///
    /// # Errors
    ///
    /// As [`Samples::extend`].
    #[cfg(feature = "parquet")]
    pub(crate) fn append(&mut self, more: &Self) -> Result<(), DataError> {
        match (&mut *self, more) {
            (
                Self::Doubles { width, values },
                Self::Doubles {
                    width: w,
                    values: more,
                },
            ) if width == w => {
                values.extend_from_slice(more);
                Ok(())
            }
            _ => self.extend(more),
        }
    }

    /// Puts all values, in single precision, behind others.
    fn append_singles(&self, to: &mut Vec<f32>) {
        match self {
            Self::Bytes { values, .. } => to.extend(values.iter().map(|&v| f32::from(v) / 255.0)),
            Self::Floats { values, .. } => to.extend_from_slice(values),
            Self::Lent { values, .. } => to.extend_from_slice(values),
            Self::Doubles { values, .. } => to.extend(values.iter().map(|&v| v as f32)),
        }
    }

    /// The given rows, one after the other.
    ///
    /// # Panics
    ///
    /// Panics if a row does not exist.
    pub fn gather(&self, rows: &[usize]) -> Vec<f32> {
        match self {
            Self::Bytes { width, values } => {
                collect(values, *width, rows, |v| f32::from(v) / 255.0)
            }
            Self::Floats { width, values } => collect(values, *width, rows, |v| v),
            Self::Lent { width, values } => collect(values, *width, rows, |v| v),
            Self::Doubles { width, values } => collect(values, *width, rows, |v| v as f32),
        }
    }

    /// The given rows, one after the other, in double precision: a byte v is v / 255 to the last
    /// digit of an `f64`.
    ///
    /// # Panics
    ///
    /// Panics if a row does not exist.
    pub fn gather_doubles(&self, rows: &[usize]) -> Vec<f64> {
        match self {
            Self::Bytes { width, values } => {
                collect(values, *width, rows, |v| f64::from(v) / 255.0)
            }
            Self::Floats { width, values } => collect(values, *width, rows, f64::from),
            Self::Lent { width, values } => collect(values, *width, rows, f64::from),
            Self::Doubles { width, values } => collect(values, *width, rows, |v| v),
        }
    }

    /// A table of the given rows.
    ///
    /// # Panics
    ///
    /// Panics if a row does not exist.
    pub fn select(&self, rows: &[usize]) -> Self {
        let width = self.width();
        match self {
            Self::Bytes { values, .. } => Self::Bytes {
                width,
                values: collect(values, width, rows, |v| v),
            },
            Self::Floats { values, .. } => Self::Floats {
                width,
                values: collect(values, width, rows, |v| v),
            },
            Self::Lent { values, .. } => Self::Floats {
                width,
                values: collect(values, width, rows, |v| v),
            },
            Self::Doubles { values, .. } => Self::Doubles {
                width,
                values: collect(values, width, rows, |v| v),
            },
        }
    }
}

/// The place of the first value that is NaN or infinite. Whole parts are looked at first, which the
/// compiler does many values at a time.
pub(crate) fn first_not_finite(values: &[f32]) -> Option<usize> {
    const PART: usize = 1024;
    let is_finite = |part: &[f32]| part.iter().fold(true, |all, v| all & v.is_finite());
    let part = values.chunks(PART).position(|part| !is_finite(part))? * PART;
    let place = values[part..].iter().position(|v| !v.is_finite());
    place.map(|place| part + place)
}

/// The given rows of a table, one after the other, each value converted.
fn collect<T: Copy, U>(
    values: &[T],
    width: usize,
    rows: &[usize],
    convert: impl Fn(T) -> U,
) -> Vec<U> {
    let mut collected = Vec::with_capacity(rows.len() * width);
    for &row in rows {
        let row = &values[row * width..(row + 1) * width];
        collected.extend(row.iter().map(|&value| convert(value)));
    }
    collected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_fractions_of_255() {
        let samples = Samples::Bytes {
            width: 2,
            values: vec![0, 255, 51, 102, 1, 2],
        };
        assert_eq!((samples.rows(), samples.width()), (3, 2));
        assert_eq!(samples.gather(&[1, 0]), [0.2, 0.4, 0.0, 1.0]);
        assert_eq!(samples.gather_doubles(&[1, 0]), [0.2, 0.4, 0.0, 1.0]);
    }

    #[test]
    fn select_and_gather_agree() {
        let samples = Samples::Floats {
            width: 2,
            values: (0..10u8).map(f32::from).collect(),
        };
        let rows = [4, 1, 1];
        assert_eq!(samples.gather(&rows), [8.0, 9.0, 2.0, 3.0, 2.0, 3.0]);
        assert_eq!(
            samples.select(&rows).gather(&[0, 1, 2]),
            samples.gather(&rows)
        );
    }

    /// Rows that are read where they lie are as others, until rows are added.
    #[test]
    fn lent_rows_are_as_own_ones() {
        let values: Vec<f32> = (0..6u8).map(f32::from).collect();
        let owner: std::sync::Arc<[f32]> = values.clone().into();
        let lent = Lent::by(owner.clone());
        let mut lent = Samples::Lent {
            width: 2,
            values: lent,
        };
        let own = Samples::Floats { width: 2, values };
        assert_eq!(lent.singles().unwrap().as_ptr(), owner.as_ptr());
        assert_eq!((lent.rows(), lent.width()), (3, 2));
        assert_eq!((lent.range(), lent.value_bytes()), (own.range(), 4));
        assert_eq!(lent.gather(&[2, 0]), own.gather(&[2, 0]));
        assert_eq!(lent.gather_doubles(&[1]), own.gather_doubles(&[1]));
        assert_eq!(lent.select(&[1]), own.select(&[1]));
        assert_eq!(lent.clone().singles(), own.singles());
        lent.extend(&own).unwrap();
        assert_eq!(lent, own.select(&[0, 1, 2, 0, 1, 2]));
        lent.clear();
        assert_eq!((lent.rows(), lent.width()), (0, 2));
        let wrong = Samples::Lent {
            width: 2,
            values: Lent::by(vec![0.0, 1.0, f32::NAN, 0.0]),
        };
        assert_eq!(wrong.first_not_finite(), Some((1, 0)));
    }

    #[test]
    fn the_first_value_that_is_not_finite_is_found() {
        let floats = |values: Vec<f32>| Samples::Floats { width: 2, values };
        assert_eq!(floats(vec![0.0; 6]).first_not_finite(), None);
        let infinite = floats(vec![0.0, 1.0, 2.0, f32::NEG_INFINITY]);
        assert_eq!(infinite.first_not_finite(), Some((1, 1)));
        let doubles = Samples::Doubles {
            width: 3,
            values: vec![0.0, f64::NAN, f64::NAN],
        };
        assert_eq!(doubles.first_not_finite(), Some((0, 1)));
    }
}
