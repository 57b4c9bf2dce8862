//! Units that do not do their work.

use serde::{Deserialize, Serialize};

use crate::Activities;

/// What is wrong with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It hardly takes part: see [`sae_kernels::Unit::is_dead`].
    Dead,
    /// It is hardly ever at rest: see [`sae_kernels::Unit::is_saturated`].
    Saturated,
    /// Its activity is nearly the same on all samples, so that it tells nothing of them.
    Constant,
    /// Its input weights point where another unit's do.
    Duplicate {
        /// The other unit.
        of: usize,
    },
}

/// How one unit is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// ρ̂, its mean activity.
    pub rho_hat: f64,
    /// Standard deviation of its activity over the samples.
    pub deviation: f64,
    /// The sample that activates it most.
    pub top_sample: usize,
    /// ‖W[:, j]‖, the norm of its input weights.
    pub norm: f64,
    /// The other unit whose input weights point most in the same direction; nothing for a single unit.
    pub nearest: Option<Nearest>,
    /// What is wrong; nothing where all is well.
    pub trouble: Option<Trouble>,
}

/// A unit with similar input weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// The unit.
    pub unit: usize,
    /// Cosine of the angle between the input weights of the two.
    pub cosine: f64,
}

/// A unit whose deviation is below this share of the largest that its mean allows is constant.
pub const CONSTANT_SHARE: f64 = 0.05;
/// A unit whose weights have a larger cosine with those of an earlier one is its duplicate.
pub const DUPLICATE_COSINE: f64 = 0.95;

/// How each unit is doing, `[unit]`.
///
/// # Shapes
///
/// - weight: the units' input weights, `[input, unit]`, row by row
///
/// # Panics
///
/// Panics where the weights are no such matrix.
pub fn health(activities: &Activities, weight: &[f64], rho: f64) -> Vec<Health> {
    let units = activities.units();
    assert!(weight.len().is_multiple_of(units));
    let columns = columns(weight, units);
    let norms: Vec<f64> = columns.iter().map(|column| norm(column)).collect();
    let nearest = nearest(&columns, &norms);
    let top = top_samples(activities);
    let moments = activities.moments();
    (0..units)
        .map(|unit| {
            let (rho_hat, deviation) = (moments[unit].mean, moments[unit].deviation());
            Health {
                rho_hat,
                deviation,
                top_sample: top[unit],
                norm: norms[unit],
                nearest: nearest[unit],
                trouble: trouble(activities, (rho_hat, deviation), rho)
                    .or_else(|| duplicate(unit, &nearest)),
            }
        })
        .collect()
}

fn trouble(activities: &Activities, (rho_hat, deviation): (f64, f64), rho: f64) -> Option<Trouble> {
    let unit = activities.unit;
    // The largest deviation is that of a unit that is either at rest or fully active; of unbounded
    // units there is none, and the mean is the measure.
    let largest = match unit.is_bounded() {
        true => (rho_hat * (1.0 - rho_hat)).max(0.0).sqrt(),
        false => rho_hat.abs(),
    };
    if unit.is_dead(rho_hat, rho) {
        Some(Trouble::Dead)
    } else if unit.is_saturated(rho_hat) {
        Some(Trouble::Saturated)
    } else if deviation <= CONSTANT_SHARE * largest {
        Some(Trouble::Constant)
    } else {
        None
    }
}

/// Of two that are alike the second is the duplicate.
fn duplicate(unit: usize, nearest: &[Option<Nearest>]) -> Option<Trouble> {
    let near = nearest[unit].filter(|near| near.cosine > DUPLICATE_COSINE && near.unit < unit)?;
    Some(Trouble::Duplicate { of: near.unit })
}

fn columns(weight: &[f64], units: usize) -> Vec<Vec<f64>> {
    let column = |unit: usize| weight.iter().skip(unit).step_by(units).copied().collect();
    (0..units).map(column).collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn nearest(columns: &[Vec<f64>], norms: &[f64]) -> Vec<Option<Nearest>> {
    let mut nearest: Vec<Option<Nearest>> = vec![None; columns.len()];
    for a in 0..columns.len() {
        for b in 0..a {
            let product: f64 = columns[a].iter().zip(&columns[b]).map(|(x, y)| x * y).sum();
            let both = norms[a] * norms[b];
            let cosine = if both > 0.0 { product / both } else { 0.0 };
            for (unit, other) in [(a, b), (b, a)] {
                if nearest[unit].is_none_or(|known| cosine > known.cosine) {
                    nearest[unit] = Some(Nearest {
                        unit: other,
                        cosine,
                    });
                }
            }
        }
    }
    nearest
}

/// The sample that activates each unit most, of equal ones the first.
fn top_samples(activities: &Activities) -> Vec<usize> {
    let mut top = vec![0; activities.units()];
    for (sample, row) in activities.all().enumerate() {
        for (unit, &value) in row.iter().enumerate() {
            if value > activities.row(top[unit])[unit] {
                top[unit] = sample;
            }
        }
    }
    top
}

#[cfg(test)]
mod tests {
    use sae_kernels::Unit;

    use super::*;

    #[test]
    fn each_trouble_is_named() {
        // A healthy unit, its duplicate, a dead, a saturated and a constant one.
        let rows = 20;
        let mut values = Vec::new();
        for sample in 0..rows {
            let on = if sample % 5 == 0 { 0.9 } else { 0.0 };
            values.extend([on, on, 0.001, 0.97, 0.1]);
        }
        let activities = Activities::of(values, 5, Unit::Sigmoid);
        let weight = [
            1.0, 1.1, 0.0, 1.0, -1.0, //
            1.0, 1.0, 1.0, 0.0, -1.0,
        ];
        let found = health(&activities, &weight, 0.1);
        let troubles: Vec<_> = found.iter().map(|unit| unit.trouble).collect();
        assert_eq!(
            troubles,
            [
                None,
                Some(Trouble::Duplicate { of: 0 }),
                Some(Trouble::Dead),
                Some(Trouble::Saturated),
                Some(Trouble::Constant)
            ]
        );
        assert_eq!(found[0].top_sample, 0);
        assert!((found[4].norm - 2f64.sqrt()).abs() < 1e-15);
        let near = found[0].nearest.unwrap();
        assert_eq!(near.unit, 1);
        assert!((near.cosine - 2.1 / (2f64.sqrt() * 2.21f64.sqrt())).abs() < 1e-15);
    }
}
