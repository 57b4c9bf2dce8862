//! How far rows are from what is left of them.

use sae_data::Samples;

/// Sums over the values of rows, and of what they became.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distortion {
    values: u64,
    squares: f64,
    least: f64,
    largest: f64,
}

/// What a PSNR is measured against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Peak {
    /// 1, of images whose values lie in [0, 1].
    One,
    /// The largest value less the least one.
    Range(f64),
}

impl Peak {
    /// The number.
    pub fn value(self) -> f64 {
        match self {
            Self::One => 1.0,
            Self::Range(range) => range,
        }
    }
}

impl Default for Distortion {
    /// Of no rows.
    fn default() -> Self {
        Self {
            values: 0,
            squares: 0.0,
            least: f64::INFINITY,
            largest: f64::NEG_INFINITY,
        }
    }
}

impl Distortion {
    /// Adds rows `x` and what they became, `z`, both `[rows, inputs]`.
    ///
    /// # Panics
    ///
    /// Panics where there are fewer rows of `z`.
    pub fn add(&mut self, x: &Samples, z: &Samples) {
        for row in 0..x.rows() {
            let [x, z] = [x, z].map(|table| table.gather_doubles(&[row]));
            for (x, z) in x.iter().zip(&z) {
                self.squares += (x - z).powi(2);
                self.least = self.least.min(*x);
                self.largest = self.largest.max(*x);
            }
            self.values += x.len() as u64;
        }
    }

    /// The mean squared error; 0 without any value.
    pub fn mse(&self) -> f64 {
        self.squares / self.values.max(1) as f64
    }

    /// Its root, in the units of the data.
    pub fn rmse(&self) -> f64 {
        self.mse().sqrt()
    }

    /// Whether all values lie in [0, 1].
    pub fn in_unit_range(&self) -> bool {
        self.least >= 0.0 && self.largest <= 1.0
    }

    /// What the PSNR of such data is measured against: 1 for images in [0, 1], else the range of the
    /// data.
    pub fn peak(&self, images: bool) -> Peak {
        match images && self.in_unit_range() {
            true => Peak::One,
            false => Peak::Range((self.largest - self.least).max(0.0)),
        }
    }

    /// 10 · log10(peak² / MSE) in decibels: infinite where nothing is lost, nothing without any value.
    pub fn psnr(&self, peak: Peak) -> Option<f64> {
        match (self.values, self.mse()) {
            (0, _) => None,
            (_, 0.0) => Some(f64::INFINITY),
            (_, mse) => Some(10.0 * (peak.value().powi(2) / mse).log10()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(values: &[f32]) -> Samples {
        Samples::Floats {
            width: 2,
            values: values.to_vec(),
        }
    }

    /// Errors 0.1, 0, 0.1, 0: MSE 0.005, of peak 1 10·log10(200) = 23.0103 dB, of peak 0.5 6.0206 dB less.
    #[test]
    fn decibels_by_hand() {
        let mut found = Distortion::default();
        found.add(&floats(&[0.5, 1.0]), &floats(&[0.6, 1.0]));
        found.add(&floats(&[0.75, 0.5]), &floats(&[0.65, 0.5]));
        assert!((found.mse() - 0.005).abs() < 1e-8);
        assert!((found.rmse() - 0.070_710_678).abs() < 1e-7);
        assert_eq!(found.peak(true), Peak::One);
        assert!((found.psnr(Peak::One).unwrap() - 23.0103).abs() < 1e-4);
        assert_eq!(found.peak(false), Peak::Range(0.5));
        assert!((found.psnr(Peak::Range(0.5)).unwrap() - (23.0103 - 6.0206)).abs() < 1e-4);
    }

    #[test]
    fn nothing_and_nothing_lost() {
        let mut found = Distortion::default();
        assert_eq!((found.rmse(), found.psnr(Peak::One)), (0.0, None));
        assert_eq!(found.peak(false), Peak::Range(0.0));
        found.add(&floats(&[-2.0, 1.0]), &floats(&[-2.0, 1.0]));
        assert_eq!(found.psnr(found.peak(true)), Some(f64::INFINITY));
        assert_eq!(found.peak(true), Peak::Range(3.0));
    }
}
