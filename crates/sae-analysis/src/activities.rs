//! The activities of hidden units on samples.

use sae_kernels::Unit;

/// How active each unit is on each sample: 0 at rest, for tanh (1 + y)/2, for the others y.
#[derive(Debug, Clone, PartialEq)]
pub struct Activities {
    /// The units' kind.
    pub unit: Unit,
    units: usize,
    /// `[sample, unit]`.
    values: Vec<f32>,
}

impl Activities {
    /// The activities of codes, `[sample, unit]`, of `units` units of one kind.
    ///
    /// # Panics
    ///
    /// Panics where the codes are no whole rows of at least one unit.
    pub fn of(codes: Vec<f32>, units: usize, unit: Unit) -> Self {
        assert!(units > 0 && codes.len().is_multiple_of(units));
        let mut values = codes;
        if unit == Unit::Tanh {
            for value in &mut values {
                *value = unit.mean_activity(f64::from(*value)) as f32;
            }
        }
        Self {
            unit,
            units,
            values,
        }
    }

    /// Number of units.
    pub fn units(&self) -> usize {
        self.units
    }

    /// Number of samples.
    pub fn rows(&self) -> usize {
        self.values.len() / self.units
    }

    /// The activities of all units on a sample, `[unit]`.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.units..][..self.units]
    }

    /// The activities on each sample in turn.
    pub fn all(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.units)
    }

    /// The activities of one unit on all samples, `[sample]`.
    pub fn of_unit(&self, unit: usize) -> impl Iterator<Item = f64> + '_ {
        self.all().map(move |row| f64::from(row[unit]))
    }

    /// ρ̂: the mean activity of each unit, `[unit]`.
    pub fn means(&self) -> Vec<f64> {
        self.moments().iter().map(|moments| moments.mean).collect()
    }

    /// Mean, variance and extremes of each unit, `[unit]`.
    pub fn moments(&self) -> Vec<Moments> {
        let mut moments = vec![Moments::default(); self.units];
        for row in self.all() {
            let pairs = moments.iter_mut().zip(row);
            pairs.for_each(|(moments, &value)| moments.add(f64::from(value)));
        }
        moments
    }

    /// The samples that activate a unit most, the most active first.
    pub fn top_samples(&self, unit: usize, count: usize) -> Vec<usize> {
        let activity = |&row: &usize| self.row(row)[unit];
        let mut rows: Vec<usize> = (0..self.rows()).collect();
        // Of equal ones the first.
        rows.sort_by(|a, b| activity(b).total_cmp(&activity(a)).then(a.cmp(b)));
        rows.truncate(count);
        rows
    }

    /// Above what activity a unit counts as active: half of the range of bounded units, 0 for ReLU;
    /// linear units have no rest.
    pub fn threshold(&self) -> Option<f64> {
        match self.unit {
            Unit::Linear => None,
            Unit::Relu => Some(0.0),
            Unit::Sigmoid | Unit::Tanh | Unit::Satlin => Some(0.5),
        }
    }
}

/// Number, mean, sum of squared differences from it, and extremes of some values (Welford 1962).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// How many values.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Σ (v − mean)².
    pub squares: f64,
    /// The least.
    pub least: f64,
    /// The largest.
    pub largest: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            count: 0,
            mean: 0.0,
            squares: 0.0,
            least: f64::INFINITY,
            largest: f64::NEG_INFINITY,
        }
    }
}

impl Moments {
    /// Takes in one more value.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
        self.least = self.least.min(value);
        self.largest = self.largest.max(value);
    }

    /// The unbiased variance; 0 of fewer than two values.
    pub fn variance(&self) -> f64 {
        match self.count {
            0 | 1 => 0.0,
            count => self.squares / (count - 1) as f64,
        }
    }

    /// The root of the variance.
    pub fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_definition() {
        let values = [0.25, 0.5, 0.0, 1.0];
        let activities = Activities::of(values.to_vec(), 1, Unit::Sigmoid);
        let moments = activities.moments()[0];
        assert_eq!((moments.count, moments.mean), (4, 0.4375));
        let squares: f64 = values
            .iter()
            .map(|v| (f64::from(*v) - 0.4375).powi(2))
            .sum();
        assert!((moments.variance() - squares / 3.0).abs() < 1e-15);
        assert_eq!((moments.least, moments.largest), (0.0, 1.0));
        assert_eq!(activities.top_samples(0, 2), [3, 1]);
    }

    #[test]
    fn tanh_rests_at_minus_one() {
        let activities = Activities::of(vec![-1.0, 1.0, 0.0, 0.5], 2, Unit::Tanh);
        assert_eq!(activities.row(0), [0.0, 1.0]);
        assert_eq!(activities.means(), [0.25, 0.875]);
    }
}
