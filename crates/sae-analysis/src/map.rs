//! Maps of codes in two dimensions.

use bhtsne::tSNE;

/// Two coordinates for each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// `[row]`, x and y.
    pub points: Vec<[f64; 2]>,
    /// Shares of the variance that x and y hold; nothing where the map is not linear.
    pub variance: Option<[f64; 2]>,
}

/// Steps of the iteration for principal components.
const ITERATIONS: usize = 100;

/// The first two principal components of rows, each with its larger coordinates on the positive side.
/// Found by orthogonal iteration, exactly but where the second and the third component are nearly equal.
///
/// # Shapes
///
/// - rows: `[row, width]`
///
/// # Panics
///
/// Panics where `rows` holds no whole rows.
pub fn principal_map(rows: &[f32], width: usize) -> Map {
    assert!(width > 0 && rows.len().is_multiple_of(width));
    let centred = centred(rows, width);
    let total: f64 = centred.iter().map(|v| v * v).sum();
    let mut axes: Vec<Vec<f64>> = (0..2)
        .map(|axis| first_guess(&centred, width, axis))
        .collect();
    for _ in 0..ITERATIONS {
        for axis in &mut axes {
            *axis = times_covariance(&centred, axis);
        }
        orthonormalise(&mut axes);
    }
    let along = |axis: &[f64]| -> Vec<f64> {
        let project = |row: &[f64]| row.iter().zip(axis).map(|(v, a)| v * a).sum();
        centred.chunks(width).map(project).collect()
    };
    let [x, y] = [along(&axes[0]), along(&axes[1])].map(towards_positive);
    let share = |values: &[f64]| match total > 0.0 {
        true => values.iter().map(|v| v * v).sum::<f64>() / total,
        false => 0.0,
    };
    Map {
        variance: Some([share(&x), share(&y)]),
        points: x.into_iter().zip(y).map(|(x, y)| [x, y]).collect(),
    }
}

fn centred(rows: &[f32], width: usize) -> Vec<f64> {
    let count = (rows.len() / width).max(1) as f64;
    let mut means = vec![0.0; width];
    for row in rows.chunks(width) {
        let pairs = means.iter_mut().zip(row);
        pairs.for_each(|(mean, &v)| *mean += f64::from(v) / count);
    }
    let of_row = |row: &[f32]| -> Vec<f64> {
        row.iter()
            .zip(&means)
            .map(|(&v, mean)| f64::from(v) - mean)
            .collect()
    };
    rows.chunks(width).flat_map(of_row).collect()
}

/// A start that no component is orthogonal to: a mixture of all rows with uneven weights.
fn first_guess(centred: &[f64], width: usize, axis: usize) -> Vec<f64> {
    let mut guess = vec![0.0; width];
    for (number, row) in centred.chunks(width).enumerate() {
        let weight = ((number + 1) as f64 * (axis + 1) as f64 * 0.7).sin();
        guess
            .iter_mut()
            .zip(row)
            .for_each(|(g, v)| *g += weight * v);
    }
    guess
}

/// XᵀX·a.
fn times_covariance(centred: &[f64], axis: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; axis.len()];
    for row in centred.chunks(axis.len()) {
        let along: f64 = row.iter().zip(axis).map(|(v, a)| v * a).sum();
        product
            .iter_mut()
            .zip(row)
            .for_each(|(p, v)| *p += along * v);
    }
    product
}

/// Gram and Schmidt.
fn orthonormalise(axes: &mut [Vec<f64>]) {
    for k in 0..axes.len() {
        let (before, rest) = axes.split_at_mut(k);
        let axis = &mut rest[0];
        for other in before.iter() {
            let along: f64 = axis.iter().zip(other).map(|(a, o)| a * o).sum();
            axis.iter_mut()
                .zip(other)
                .for_each(|(a, o)| *a -= along * o);
        }
        let norm = axis.iter().map(|a| a * a).sum::<f64>().sqrt();
        if norm > 0.0 {
            axis.iter_mut().for_each(|a| *a /= norm);
        }
    }
}

fn towards_positive(values: Vec<f64>) -> Vec<f64> {
    let largest = values
        .iter()
        .fold(0.0f64, |a, &b| if b.abs() > a.abs() { b } else { a });
    values
        .into_iter()
        .map(|v| v * if largest < 0.0 { -1.0 } else { 1.0 })
        .collect()
}

/// Neighbours that a row has in effect (t-SNE's perplexity), where there are enough rows.
const PERPLEXITY: usize = 30;
/// Steps of t-SNE.
const EPOCHS: usize = 750;
/// Standard deviation of the start along x, as t-SNE's authors advise.
const START: f64 = 1e-4;

/// A map by t-SNE (van der Maaten and Hinton 2008; forces after Linderman et al. 2019), with perplexity 30, from the map of principal components, so that
/// nothing in it is random. Nothing for fewer than 10 rows, or where all are equal.
///
/// # Shapes
///
/// - rows: `[row, width]`
///
/// # Panics
///
/// As [`principal_map`].
pub fn neighbour_map(rows: &[f32], width: usize) -> Option<Map> {
    let count = rows.len() / width;
    if count < 10 {
        return None;
    }
    let start = principal_map(rows, width).points;
    let squares: f64 = start.iter().map(|[x, _]| x * x).sum();
    let deviation = (squares / count as f64).sqrt();
    let largest = rows.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    if deviation <= f64::from(largest * f32::EPSILON) {
        return None;
    }
    let scale = START / deviation;
    let start: Vec<f32> = start.iter().flatten().map(|v| (v * scale) as f32).collect();
    let perplexity = PERPLEXITY.min((count - 1) / 3);
    let data: Vec<&[f32]> = rows.chunks(width).collect();
    let fit = || {
        tSNE::<f32, &[f32], 2>::new(&data)
            .perplexity(perplexity as f32)
            .epochs(EPOCHS)
            .initial_embedding(start)
            .fit_sne(|a, b| distance(a, b))
            .embedding()
    };
    // The order of its sums depends on which thread is free: with one, nothing does.
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .ok()?;
    let embedding = alone.install(fit);
    let finite = embedding.iter().all(|v| v.is_finite());
    finite.then(|| Map {
        points: embedding
            .chunks(2)
            .map(|p| [f64::from(p[0]), f64::from(p[1])])
            .collect(),
        variance: None,
    })
}

/// Euclid's.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
    squares.sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use sae_data::{Stream, gaussian, stream};

    use super::*;

    /// Points on a plane in space, spread 3 along one direction and 1 along another.
    #[test]
    fn principal_components_are_the_directions_of_most_variance() {
        let mut rng = stream(1, Stream::Directions);
        let (u, v) = ([0.6, 0.0, 0.8], [0.0, 1.0, 0.0]);
        let mut rows = Vec::new();
        let mut along = Vec::new();
        for _ in 0..500 {
            let (a, b) = (3.0 * gaussian(&mut rng), gaussian(&mut rng));
            rows.extend((0..3).map(|k| (7.0 + a * u[k] + b * v[k]) as f32));
            along.push(a);
        }
        let map = principal_map(&rows, 3);
        let [x, y] = map.variance.unwrap();
        assert!(
            (x + y - 1.0).abs() < 1e-6 && (0.85..0.95).contains(&x),
            "{x} {y}"
        );
        let mean = along.iter().sum::<f64>() / 500.0;
        let sign = if map.points[0][0] * (along[0] - mean) > 0.0 {
            1.0
        } else {
            -1.0
        };
        for (point, a) in map.points.iter().zip(&along) {
            // The sample's own axes differ a little from the true ones.
            assert!((point[0] - sign * (a - mean)).abs() < 0.5);
        }
    }

    #[test]
    fn neighbours_stay_neighbours_and_nothing_is_random() {
        let mut rng = stream(2, Stream::Directions);
        let mut rows = Vec::new();
        for row in 0..300 {
            let centre = f64::from(row % 3) * 10.0;
            rows.extend((0..8).map(|_| (centre + gaussian(&mut rng)) as f32));
        }
        let map = neighbour_map(&rows, 8).unwrap();
        assert!(map == neighbour_map(&rows, 8).unwrap());
        let nearest = |row: usize| {
            let distance = |other: &usize| {
                let [dx, dy] = [0, 1].map(|k| map.points[row][k] - map.points[*other][k]);
                dx.hypot(dy)
            };
            let others = (0..300).filter(|&other| other != row);
            others
                .min_by(|a, b| distance(a).total_cmp(&distance(b)))
                .unwrap()
        };
        let kept = (0..300).filter(|&row| nearest(row) % 3 == row % 3).count();
        assert!(kept > 295, "{kept}");
        assert!(neighbour_map(&rows[..8 * 9], 8).is_none());
        assert!(neighbour_map(&[1.0; 160], 8).is_none());
    }
}
