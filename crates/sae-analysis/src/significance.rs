//! Tests of differences, and intervals.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::Moments;

/// The two-sided p-value of Welch's t-test for equal means; 1 where it is not defined.
pub(crate) fn welch(a: &Moments, b: &Moments) -> f64 {
    let error = |m: &Moments| m.variance() / m.count as f64;
    let (ea, eb) = (error(a), error(b));
    let difference = a.mean - b.mean;
    if a.count < 2 || b.count < 2 || difference == 0.0 {
        return 1.0;
    }
    if ea + eb == 0.0 {
        return 0.0;
    }
    let t = difference / (ea + eb).sqrt();
    // Welch and Satterthwaite.
    let freedom =
        (ea + eb).powi(2) / (ea.powi(2) / (a.count - 1) as f64 + eb.powi(2) / (b.count - 1) as f64);
    StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |t_of| 2.0 * t_of.cdf(-t.abs()))
}

/// p-values corrected so that the chance of one false finding among all is bounded (Holm 1979).
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let count = p_values.len();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut corrected = vec![0.0; count];
    let mut largest: f64 = 0.0;
    for (rank, index) in order.into_iter().enumerate() {
        largest = largest.max((p_values[index] * (count - rank) as f64).min(1.0));
        corrected[index] = largest;
    }
    corrected
}

/// An estimate with the interval in which the true value lies with 95% confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

/// Confidence of intervals.
const CONFIDENCE: f64 = 0.95;

impl Estimate {
    /// A share, `hits` of `count` independent cases, with Wilson's interval (1927). Of no cases all is
    /// possible.
    pub fn share(hits: usize, count: usize) -> Self {
        if count == 0 {
            return Self {
                value: f64::NAN,
                low: 0.0,
                high: 1.0,
            };
        }
        let z = Normal::standard().inverse_cdf(0.5 + CONFIDENCE / 2.0);
        let (n, p) = (count as f64, hits as f64 / count as f64);
        let scale = 1.0 + z * z / n;
        let centre = (p + z * z / (2.0 * n)) / scale;
        let half = z / scale * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
        Self {
            value: p,
            low: (centre - half).max(0.0),
            high: (centre + half).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        values.iter().for_each(|&v| moments.add(v));
        moments
    }

    /// `scipy.stats.ttest_ind(a, b, equal_var=False).pvalue`.
    #[test]
    fn welch_is_scipys() {
        let a = moments(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        let b = moments(&[2.0, 4.0, 9.0, 6.0]);
        assert!((welch(&a, &b) - WELCH).abs() < 1e-9, "{}", welch(&a, &b));
        assert_eq!(welch(&a, &a), 1.0);
        assert_eq!(welch(&moments(&[1.0, 1.0]), &moments(&[2.0, 2.0])), 0.0);
    }

    const WELCH: f64 = 0.239_719_480_111_185_38;

    /// `statsmodels.stats.multitest.multipletests(p, method="holm")`, by hand: sorted 0.01·4,
    /// 0.02·3, 0.03·2 (raised to the one before), 0.5·1.
    #[test]
    fn holm_is_monotone() {
        let corrected = holm(&[0.02, 0.5, 0.01, 0.03]);
        let expected = [0.06, 0.5, 0.04, 0.06];
        for (found, expected) in corrected.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{corrected:?}");
        }
    }

    #[test]
    fn intervals_are_wilsons() {
        let share = Estimate::share(81, 263);
        // Newcombe 1998, Statistics in Medicine 17, table I, method 3: 0.2553 to 0.3662.
        assert!((share.low - 0.2553).abs() < 5e-5 && (share.high - 0.3662).abs() < 5e-5);
        let none = Estimate::share(0, 20);
        assert!(none.low < 1e-15 && (none.high - 0.1611).abs() < 5e-5);
    }
}
