//! Rows that nearly equal others, found by random projections: 32 Gaussian directions keep distances to
//! within an eighth or so (Johnson and Lindenstrauss 1984), and rows that are near fall into one cell of
//! some of 8 coarse grids over 4 directions each (Datar et al. 2004), so that not all are compared.

use std::collections::HashMap;

use crate::{Stream, gaussian, stream};

const DIRECTIONS: usize = 32;
/// Directions of a grid.
const IN_GRID: usize = 4;
/// Most rows of a cell that a row is compared with.
const MOST_COMPARED: usize = 200;
/// Rows are near each other where their distance is at most this share of the distance from the mean.
pub(crate) const NEAR: f64 = 0.1;

type Projected = [f32; DIRECTIONS];

/// The directions, for rows of some width.
#[derive(Debug, Clone)]
struct Directions(Vec<f32>);

impl Directions {
    fn new(width: usize) -> Self {
        let mut rng = stream(0, Stream::Directions);
        let scale = (DIRECTIONS as f64).sqrt().recip();
        let values = 0..width * DIRECTIONS;
        Self(
            values
                .map(|_| (scale * gaussian(&mut rng)) as f32)
                .collect(),
        )
    }

    fn project(&self, row: &[f32]) -> Projected {
        let mut sums = [0.0; DIRECTIONS];
        for (value, direction) in row.iter().zip(self.0.chunks(DIRECTIONS)) {
            let pairs = sums.iter_mut().zip(direction);
            pairs.for_each(|(sum, weight)| *sum += value * weight);
        }
        sums
    }
}

/// Rows that others are compared with.
#[derive(Debug, Clone, Default)]
pub(crate) struct Neighbours {
    directions: Option<Directions>,
    rows: Vec<Projected>,
    mean: Vec<f64>,
    cell: f64,
    cells: HashMap<(usize, [i64; IN_GRID]), Vec<u32>>,
}

impl Neighbours {
    /// Adds a row; one with values that are missing is near to none.
    pub(crate) fn add(&mut self, row: &[f32]) {
        if row.iter().any(|value| value.is_nan()) {
            return;
        }
        let directions = self
            .directions
            .get_or_insert_with(|| Directions::new(row.len()));
        self.rows.push(directions.project(row));
    }

    /// Puts the rows into cells, once all are there. A cell is four times as wide as the typical
    /// difference of two rows that are just near, along one direction.
    pub(crate) fn sort(&mut self) {
        let count = self.rows.len().max(1) as f64;
        let mean = |k: usize| self.rows.iter().map(|row| f64::from(row[k])).sum::<f64>() / count;
        self.mean = (0..DIRECTIONS).map(mean).collect();
        let spread = self
            .rows
            .iter()
            .map(|row| self.distance_from_mean(row))
            .sum::<f64>()
            / count;
        self.cell = (4.0 * NEAR * spread / (DIRECTIONS as f64).sqrt()).max(f64::MIN_POSITIVE);
        let mut cells: HashMap<_, Vec<u32>> = HashMap::new();
        for (number, row) in (0..).zip(&self.rows) {
            for key in self.keys(row) {
                cells.entry(key).or_default().push(number);
            }
        }
        self.cells = cells;
    }

    /// Whether a row is near to one of those that were sorted.
    pub(crate) fn has_near(&self, row: &[f32]) -> bool {
        let Some(directions) = &self.directions else {
            return false;
        };
        if row.iter().any(|value| value.is_nan()) {
            return false;
        }
        let row = directions.project(row);
        let most = NEAR * self.distance_from_mean(&row);
        let is_near = |&other: &u32| {
            let other = self.rows[other as usize];
            let squares = row
                .iter()
                .zip(&other)
                .map(|(a, b)| f64::from(a - b).powi(2));
            squares.sum::<f64>().sqrt() <= most
        };
        self.keys(&row).any(|key| {
            let others = self.cells.get(&key).into_iter().flatten();
            others.take(MOST_COMPARED).any(is_near)
        })
    }

    fn distance_from_mean(&self, row: &Projected) -> f64 {
        let squares = row
            .iter()
            .zip(&self.mean)
            .map(|(v, m)| (f64::from(*v) - m).powi(2));
        squares.sum::<f64>().sqrt()
    }

    /// The cell of each grid in which a row lies.
    fn keys(&self, row: &Projected) -> impl Iterator<Item = (usize, [i64; IN_GRID])> {
        let (row, cell) = (*row, self.cell);
        (0..DIRECTIONS / IN_GRID).map(move |grid| {
            let place = |k: usize| (f64::from(row[grid * IN_GRID + k]) / cell).floor() as i64;
            (grid, std::array::from_fn(place))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uniform;

    /// Of 300 uniform rows with noise, those whose true distance is far below the limit are found, and
    /// none far above it.
    #[test]
    fn near_rows_are_found_and_no_others() {
        let (rows, width) = (300, 50);
        let mut rng = stream(1, Stream::Split);
        let mut draw = || -> Vec<f32> {
            (0..width)
                .map(|_| uniform(&mut rng, 0.0, 1.0) as f32)
                .collect()
        };
        let originals: Vec<Vec<f32>> = (0..rows).map(|_| draw()).collect();
        let mut neighbours = Neighbours::default();
        originals.iter().for_each(|row| neighbours.add(row));
        neighbours.sort();
        // A row lies √(50/12) ≈ 2 from the mean; noise of deviation s gives a distance of s·√50.
        let mut found = |deviation: f64| {
            let noisy = |row: &Vec<f32>| -> Vec<f32> {
                let noise = row
                    .iter()
                    .map(|v| v + (deviation * gaussian(&mut rng)) as f32);
                noise.collect()
            };
            let noisy: Vec<Vec<f32>> = originals.iter().map(noisy).collect();
            noisy.iter().filter(|row| neighbours.has_near(row)).count()
        };
        assert_eq!(found(0.0), rows);
        // 0.035 and 0.42 of the distance from the mean.
        assert!(found(0.01) >= rows * 99 / 100);
        assert_eq!(found(0.12), 0);
    }

    #[test]
    fn missing_values_and_no_rows_are_near_to_nothing() {
        let mut neighbours = Neighbours::default();
        neighbours.sort();
        assert!(!neighbours.has_near(&[1.0]));
        neighbours.add(&[f32::NAN, 1.0]);
        neighbours.add(&[0.5, 1.0]);
        neighbours.sort();
        assert!(!neighbours.has_near(&[f32::NAN, 1.0]));
    }
}
