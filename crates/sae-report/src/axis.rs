//! The vertical axis of a curve.
//!
//! The drawing library loops for ever on ranges near the limits of `f64`. It is therefore only
//! given numbers of ordinary size: logarithms, or values divided by a power of ten.

use std::ops::Range;

use plotters::coord::ranged1d::ValueFormatter;
use plotters::coord::types::RangedCoordf64;

/// Values whose decimal logarithms span more than this are drawn on a logarithmic axis.
const DECADES: f64 = 3.0;
/// The powers of ten by which values are divided lie well inside the range of `f64`.
const EXPONENTS: (f64, f64) = (-300.0, 308.0);
/// Largest magnitudes that are drawn as they are.
const ORDINARY: Range<f64> = 1e-3..1e6;

/// How values become places on the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Axis {
    /// A value divided by ten to this power.
    Linear(i32),
    /// The decimal logarithm of a value.
    Logarithmic,
}

impl Axis {
    /// The axis on which all finite values can be told apart, and its range; nothing where no value
    /// is finite.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Option<(Self, Range<f64>)> {
        let extremes = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), extremes);
        if low > high {
            return None;
        }
        let axis = if low > 0.0 && high.log10() - low.log10() > DECADES {
            Self::Logarithmic
        } else {
            Self::linear(low.abs().max(high.abs()))
        };
        let (low, high) = (axis.place(low), axis.place(high));
        let margin = (0.05 * (high - low)).max(1e-9 + 1e-6 * low.abs().max(high.abs()));
        Some((axis, low - margin..high + margin))
    }

    fn linear(largest: f64) -> Self {
        if largest == 0.0 || ORDINARY.contains(&largest) {
            return Self::Linear(0);
        }
        let (least, most) = EXPONENTS;
        Self::Linear(largest.log10().floor().clamp(least, most) as i32)
    }

    /// Where a value lies on the axis.
    pub(crate) fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear(exponent) => value / 10f64.powi(exponent),
            Self::Logarithmic => value.log10(),
        }
    }

    /// What the axis shows.
    pub(crate) fn title(self) -> String {
        match self {
            Self::Linear(0) => "J".to_owned(),
            Self::Linear(exponent) => format!("J / 1e{exponent}"),
            Self::Logarithmic => "J (log)".to_owned(),
        }
    }

    /// The label of a place.
    pub(crate) fn label(self, place: f64) -> String {
        match self {
            Self::Linear(_) => RangedCoordf64::format(&place),
            Self::Logarithmic => power_of_ten(place),
        }
    }
}

/// 10^`exponent` with two digits; the power itself may lie beyond the range of `f64`.
fn power_of_ten(exponent: f64) -> String {
    // The places of labels are sums with rounding errors.
    let exponent = (exponent * 1e6).round() / 1e6;
    let whole = exponent.floor();
    let digits = (10f64.powf(exponent - whole) * 10.0).round() / 10.0;
    format!("{digits}e{whole}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(values: &[f64]) -> (Axis, Range<f64>) {
        Axis::of(values.iter().copied()).unwrap()
    }

    #[test]
    fn the_axis_suits_the_values() {
        assert_eq!(axis(&[3.0, 1.5, f64::NAN]).0, Axis::Linear(0));
        assert_eq!(axis(&[1.0, 1001.0]).0, Axis::Logarithmic);
        assert_eq!(axis(&[0.0, 1001.0]).0, Axis::Linear(0));
        assert_eq!(axis(&[-1e37, 1e37]).0, Axis::Linear(37));
        assert_eq!(axis(&[0.0]).0, Axis::Linear(0));
        assert_eq!(Axis::of([f64::INFINITY, f64::NAN].into_iter()), None);
    }

    #[test]
    fn ranges_are_of_ordinary_size() {
        for values in [
            vec![f64::MIN, f64::MAX],
            vec![f64::MIN_POSITIVE, f64::MAX],
            vec![f64::MIN_POSITIVE],
            vec![5e-324],
            vec![0.0; 3],
            vec![1e300; 3],
        ] {
            let (_, range) = axis(&values);
            assert!(
                range.start.abs() < 1e6 && range.end.abs() < 1e6,
                "{range:?}"
            );
            assert!(range.end - range.start > 1e-9, "{range:?}");
        }
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(Axis::Linear(2).label(3.25), "3.25");
        let label = |place| Axis::Logarithmic.label(place);
        assert_eq!(label(3.0), "1e3");
        assert_eq!(label(-1.5), "3.2e-2");
        assert_eq!(label(1.999_999_999), "1e2");
        assert_eq!(label(308.5), "3.2e308");
    }
}
