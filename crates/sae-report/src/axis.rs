//! The axes of charts.
//!
//! The drawing library loops for ever on ranges near the limits of `f64`. It is therefore only
//! given numbers of ordinary size: logarithms, or values divided by a power of ten.

use std::ops::Range;

/// Values whose decimal logarithms span more than this are told apart on a logarithmic axis only.
const DECADES: f64 = 3.0;
/// The powers of ten by which values are divided lie well inside the range of `f64`.
const EXPONENTS: (f64, f64) = (-300.0, 308.0);
/// Space around values that are all the same, as a share of them.
const FLAT: f64 = 0.1;
/// Largest magnitudes that are drawn as they are.
const ORDINARY: Range<f64> = 1e-3..1e6;

/// How an axis is divided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AxisScale {
    /// By differences.
    #[default]
    Linear,
    /// By ratios; values that are not positive are left out.
    Logarithmic,
    /// By ratios where all values are positive and span more than three decades, else by
    /// differences.
    Automatic,
}

/// How values become places on the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Axis {
    /// A value divided by ten to this power.
    Linear(i32),
    /// The decimal logarithm of a value.
    Logarithmic,
}

impl Axis {
    /// The axis on which all finite values can be told apart, and their range on it, wider by
    /// `margin` (a share of it) at both ends; nothing where no value can be drawn.
    pub(crate) fn of(
        values: impl Iterator<Item = f64>,
        scale: AxisScale,
        margin: f64,
    ) -> Option<(Self, Range<f64>)> {
        let drawn = |v: &f64| v.is_finite() && (scale != AxisScale::Logarithmic || *v > 0.0);
        let extremes = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
        let (low, high) = values
            .filter(drawn)
            .fold((f64::INFINITY, f64::NEG_INFINITY), extremes);
        if low > high {
            return None;
        }
        let axis = match scale {
            AxisScale::Logarithmic => Self::Logarithmic,
            AxisScale::Automatic if low > 0.0 && high.log10() - low.log10() > DECADES => {
                Self::Logarithmic
            }
            _ => Self::linear(low.abs().max(high.abs())),
        };
        let (low, high) = (axis.place(low), axis.place(high));
        let least = 1e-9 + 1e-6 * low.abs().max(high.abs());
        let margin = match high - low > least {
            true => margin * (high - low),
            false if low == 0.0 => 1.0,
            false => least.max(FLAT * low.abs()),
        };
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

    /// What the axis shows, where its values are called `name`.
    pub(crate) fn title(self, name: &str) -> String {
        match self {
            Self::Linear(0) => name.to_owned(),
            Self::Linear(exponent) => format!("{name} / 1e{exponent}"),
            Self::Logarithmic => format!("{name} (log)"),
        }
    }

    /// The label of a place.
    pub(crate) fn label(self, place: f64) -> String {
        match self {
            Self::Linear(_) => decimal(place),
            Self::Logarithmic => power_of_ten(place),
        }
    }
}

/// At most five decimals. The places of labels are sums with rounding errors.
fn decimal(place: f64) -> String {
    let text = format!("{place:.5}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "-0" => "0".to_owned(),
        text => text.to_owned(),
    }
}

/// 10^`exponent` with two digits; the power itself may lie beyond the range of `f64`.
fn power_of_ten(exponent: f64) -> String {
    let exponent = (exponent * 1e6).round() / 1e6;
    let whole = exponent.floor();
    let digits = (10f64.powf(exponent - whole) * 10.0).round() / 10.0;
    // Of ordinary size: as people write it.
    if (-3.0..5.0).contains(&whole) {
        return decimal(digits * 10f64.powf(whole));
    }
    format!("{digits}e{whole}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(values: &[f64]) -> (Axis, Range<f64>) {
        Axis::of(values.iter().copied(), AxisScale::Automatic, 0.05).unwrap()
    }

    #[test]
    fn the_axis_suits_the_values() {
        assert_eq!(axis(&[3.0, 1.5, f64::NAN]).0, Axis::Linear(0));
        assert_eq!(axis(&[1.0, 1001.0]).0, Axis::Logarithmic);
        assert_eq!(axis(&[0.0, 1001.0]).0, Axis::Linear(0));
        assert_eq!(axis(&[-1e37, 1e37]).0, Axis::Linear(37));
        assert_eq!(axis(&[0.0]).0, Axis::Linear(0));
        let of = |values: &[f64], scale| Axis::of(values.iter().copied(), scale, 0.0);
        assert_eq!(of(&[f64::INFINITY, f64::NAN], AxisScale::Automatic), None);
        assert_eq!(of(&[0.0, -1.0], AxisScale::Logarithmic), None);
        let logarithmic = of(&[0.0, 1.0, 100.0], AxisScale::Logarithmic);
        assert_eq!(logarithmic, Some((Axis::Logarithmic, 0.0..2.0)));
        let linear = of(&[1.0, 1e5], AxisScale::Linear);
        assert_eq!(linear, Some((Axis::Linear(0), 1.0..1e5)));
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
            for scale in [
                AxisScale::Automatic,
                AxisScale::Linear,
                AxisScale::Logarithmic,
            ] {
                let drawn = Axis::of(values.iter().copied(), scale, 0.0);
                let Some((_, range)) = drawn else { continue };
                assert!(
                    range.start.abs() < 1e6 && range.end.abs() < 1e6,
                    "{range:?}"
                );
                assert!(range.end - range.start > 1e-9, "{range:?}");
            }
        }
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(Axis::Linear(2).label(3.25), "3.25");
        assert_eq!(Axis::Linear(0).label(0.1 + 0.2), "0.3");
        assert_eq!(Axis::Linear(0).label(-1e-17), "0");
        assert_eq!(Axis::Linear(0).label(20.0), "20");
        let label = |place| Axis::Logarithmic.label(place);
        assert_eq!(label(3.0), "1000");
        assert_eq!(label(-1.5), "0.032");
        assert_eq!(label(1.999_999_999), "100");
        assert_eq!(label(308.5), "3.2e308");
        assert_eq!(label(-5.0), "1e-5");
    }
}
