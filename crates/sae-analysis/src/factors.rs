//! Which true factors of the samples units encode.

use std::collections::BTreeMap;

use crate::Activities;

/// A factor of the samples, cut into cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// Its name.
    pub name: String,
    /// The cell of each sample, `[sample]`; nothing where the sample does not have the factor.
    pub cells: Vec<Option<usize>>,
}

/// Cells of a factor with one number per sample.
const CELLS: usize = 16;
/// Cells along each of two numbers.
const CELLS_EACH: usize = 6;

impl Factor {
    /// A number per sample, in 16 cells of equally many samples.
    pub fn of_numbers(name: &str, values: &[f64]) -> Self {
        Self {
            name: name.to_owned(),
            cells: quantile_cells(values, CELLS)
                .into_iter()
                .map(Some)
                .collect(),
        }
    }

    /// Two numbers per sample that belong together, such as a place, in 6 × 6 cells.
    pub fn of_pairs(name: &str, first: &[f64], second: &[f64]) -> Self {
        let columns = quantile_cells(first, CELLS_EACH);
        let rows = quantile_cells(second, CELLS_EACH);
        let both = rows.iter().zip(columns);
        Self {
            name: name.to_owned(),
            cells: both
                .map(|(row, column)| Some(row * CELLS_EACH + column))
                .collect(),
        }
    }

    /// Where in its period a value lies, such as an angle, in 16 cells of equal width; nothing for
    /// samples without a period.
    pub fn of_phases(name: &str, values: &[f64], periods: &[Option<f64>]) -> Self {
        let cell = |value: f64, period: f64| {
            let phase = (value / period).rem_euclid(1.0);
            ((phase * CELLS as f64) as usize).min(CELLS - 1)
        };
        let pairs = values.iter().zip(periods);
        Self {
            name: name.to_owned(),
            cells: pairs
                .map(|(&value, period)| period.map(|period| cell(value, period)))
                .collect(),
        }
    }

    /// Whether it differs between samples.
    pub fn varies(&self) -> bool {
        let mut cells = self.cells.iter().flatten();
        let first = cells.next();
        cells.any(|cell| Some(cell) != first)
    }
}

/// The cell of each value, of `count` that hold equally many; equal values are in one cell.
fn quantile_cells(values: &[f64], count: usize) -> Vec<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let bound = |cell: usize| sorted[cell * sorted.len() / count];
    let bounds: Vec<f64> = match sorted.is_empty() {
        true => vec![],
        false => (1..count).map(bound).collect(),
    };
    let cell = |value: &f64| bounds.partition_point(|bound| bound <= value);
    values.iter().map(cell).collect()
}

/// How much of each unit's variance within the classes a factor explains, `[unit]`, in [0, 1]:
/// R² = 1 − (S_cells / (n − g)) / (S_classes / (n − c)), where S_classes is the sum of squared
/// differences of the activity from its mean over the class, S_cells that from its mean over the samples
/// of one class in one cell, n the number of samples, g that of such groups and c that of classes: the
/// adjusted correlation ratio (Kelley's ε²), which is 0 in the mean where the factor says nothing.
/// Negative values are 0. It finds any dependence, not only linear ones.
///
/// # Panics
///
/// Panics where labels or cells are not one per sample.
pub fn explained(activities: &Activities, labels: &[u32], factor: &Factor) -> Vec<f64> {
    let rows = activities.rows();
    assert_eq!((labels.len(), factor.cells.len()), (rows, rows));
    let of_class = |row: usize| factor.cells[row].map(|_| (labels[row], 0));
    let of_cell = |row: usize| factor.cells[row].map(|cell| (labels[row], cell + 1));
    let (classes, class_count, samples) = within(activities, of_class);
    let (cells, cell_count, _) = within(activities, of_cell);
    let (Some(cell_freedom), Some(class_freedom)) = (
        samples.checked_sub(cell_count).filter(|&n| n > 0),
        samples.checked_sub(class_count).filter(|&n| n > 0),
    ) else {
        return vec![0.0; activities.units()];
    };
    let pairs = cells.iter().zip(&classes);
    pairs
        .map(|(&cells, &classes)| match classes > 0.0 {
            true => {
                let ratio = (cells / cell_freedom as f64) / (classes / class_freedom as f64);
                (1.0 - ratio).max(0.0)
            }
            false => 0.0,
        })
        .collect()
}

/// Σ (activity − mean of its group)² of each unit, with the number of groups and of their samples.
fn within<G: Ord>(
    activities: &Activities,
    group: impl Fn(usize) -> Option<G>,
) -> (Vec<f64>, usize, usize) {
    let units = activities.units();
    let mut groups: BTreeMap<G, Vec<usize>> = BTreeMap::new();
    for row in 0..activities.rows() {
        if let Some(group) = group(row) {
            groups.entry(group).or_default().push(row);
        }
    }
    let mut squares = vec![0.0; units];
    for rows in groups.values() {
        let mut means = vec![0.0; units];
        for &row in rows {
            let pairs = means.iter_mut().zip(activities.row(row));
            pairs.for_each(|(mean, &v)| *mean += f64::from(v) / rows.len() as f64);
        }
        for &row in rows {
            let cells = squares.iter_mut().zip(activities.row(row)).zip(&means);
            cells.for_each(|((sum, &v), mean)| *sum += (f64::from(v) - mean).powi(2));
        }
    }
    let samples = groups.values().map(Vec::len).sum();
    (squares, groups.len(), samples)
}

#[cfg(test)]
mod tests {
    use sae_data::{Stream, stream, uniform};
    use sae_kernels::Unit;

    use super::*;

    /// Unit 0 follows the factor by a bump, unit 1 the class, unit 2 nothing.
    #[test]
    fn a_factor_is_found_whatever_the_tuning() {
        let mut rng = stream(1, Stream::Directions);
        let mut draw = || uniform(&mut rng, 0.0, 1.0);
        let (mut values, mut labels, mut factor) = (Vec::new(), Vec::new(), Vec::new());
        for sample in 0..4000u32 {
            let f = draw();
            labels.push(sample % 3);
            factor.push(f);
            let bump = (-(f - 0.5).powi(2) / 0.02).exp();
            let class = 0.3 * f64::from(sample % 3) + 0.05 * draw();
            values.extend([bump as f32, class as f32, draw() as f32]);
        }
        let activities = Activities::of(values, 3, Unit::Sigmoid);
        let explained = explained(&activities, &labels, &Factor::of_numbers("f", &factor));
        assert!(explained[0] > 0.97, "{explained:?}");
        assert!(explained[1] < 0.02 && explained[2] < 0.02, "{explained:?}");
    }

    #[test]
    fn cells_hold_equally_many_and_keep_equal_values_together() {
        let values: Vec<f64> = (0..160).map(|v| f64::from(v * 7 % 160)).collect();
        let cells = quantile_cells(&values, 16);
        for cell in 0..16 {
            assert_eq!(cells.iter().filter(|&&c| c == cell).count(), 10);
        }
        let constant = Factor::of_numbers("constant", &[2.0; 9]);
        assert!(!constant.varies());
        let phases = Factor::of_phases(
            "angle",
            &[370.0, 10.0, 5.0],
            &[Some(360.0), Some(90.0), None],
        );
        assert_eq!(phases.cells, [Some(0), Some(1), None]);
    }
}
