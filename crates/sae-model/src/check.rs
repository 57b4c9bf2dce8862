//! Both gradient rules against finite differences of the objective by plain loops.

use std::collections::BTreeSet;

use crate::plain::{Plain, PlainObjective};
use crate::{GradientRule, PlainLoops, flat_gradient, named_parameters};

/// How finite differences are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FiniteDifference {
    /// At most this many entries per tensor are differenced: half of them those with the largest
    /// slopes by autodiff, where rounding matters least, the others evenly spread.
    pub entries: usize,
}

impl Default for FiniteDifference {
    /// All entries.
    fn default() -> Self {
        Self {
            entries: usize::MAX,
        }
    }
}

/// Agreement on one parameter tensor, as relative differences ‖a − b‖ / ‖a + b‖. From finite
/// differences only what exceeds their rounding error counts: with large inputs or weights of terms, or
/// saturated units, J is so large that small slopes drown in it. Entries of which more than a thousandth
/// of the gradient may be rounding are counted as unresolved.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorCheck {
    /// The parameter's path in the module.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// How many entries were differenced.
    pub entries: usize,
    /// How many more would have been, but at no step do both samples of the difference lie on the
    /// same side of every kink of a unit.
    pub kinks: usize,
    /// How many of the entries that were differenced are too small to be told from rounding.
    pub unresolved: usize,
    /// The norm of the gradient by autodiff. Where it is 0 nothing was compared but zeros.
    pub norm: f64,
    /// Delta against autodiff, over all entries.
    pub delta_autodiff: f64,
    /// Delta against finite differences, over the entries that were differenced.
    pub delta_finite: f64,
    /// Autodiff against finite differences, over the same entries.
    pub autodiff_finite: f64,
}

/// Compares delta, autodiff and finite differences for every parameter tensor of `model`.
///
/// Meant for `f64` models; the differences are those of plain loops in `f64`, extrapolated
/// (Richardson), with steps chosen entry by entry.
pub fn gradient_check<O: PlainLoops>(
    objective: &O,
    model: &O::Model,
    batch: &O::Batch,
    settings: FiniteDifference,
) -> Vec<TensorCheck> {
    let gradient = |rule: GradientRule| {
        let gradient = rule.gradient(objective, model, batch);
        flat_gradient(model, &gradient.gradients)
    };
    let delta = gradient(GradientRule::Delta);
    let autodiff = gradient(GradientRule::Autodiff);
    let parameters = named_parameters(model);
    let mut differences = Differences {
        objective: objective.plain(model, batch),
        theta: parameters
            .iter()
            .flat_map(|p| p.values.iter().copied())
            .collect(),
    };
    let mut first = 0;
    let mut check = |parameter: &crate::NamedParameter| {
        let own = first..first + parameter.values.len();
        first = own.end;
        let (delta, autodiff) = (&delta[own.clone()], &autodiff[own.clone()]);
        let picked = picked(autodiff, settings.entries);
        let mut compared = Vec::new();
        let mut finite: Vec<Extrapolated> = Vec::new();
        for &entry in &picked {
            if let Some(slope) = differences.slope(own.start + entry) {
                compared.push(entry);
                finite.push(slope);
            }
        }
        let norm = autodiff.iter().map(|g| g * g).sum::<f64>().sqrt();
        let cap = EXPLAINED * norm / (autodiff.len() as f64).sqrt();
        let unresolved = finite.iter().filter(|finite| finite.rounding > cap).count();
        let against = |all: &[f64]| {
            // The rule's slope is taken for the difference where rounding explains the rest.
            let seen = |(&entry, finite): (&usize, &Extrapolated)| {
                let (slope, most) = (all[entry], finite.rounding);
                (slope, slope + beyond(finite.slope - slope, most))
            };
            let (slopes, seen): (Vec<f64>, Vec<f64>) =
                compared.iter().zip(&finite).map(seen).unzip();
            relative_difference(&slopes, &seen)
        };
        TensorCheck {
            name: parameter.name.clone(),
            shape: parameter.shape.clone(),
            entries: compared.len(),
            kinks: picked.len() - compared.len(),
            unresolved,
            norm,
            delta_autodiff: relative_difference(delta, autodiff),
            delta_finite: against(delta),
            autodiff_finite: against(autodiff),
        }
    };
    parameters.iter().map(&mut check).collect()
}

/// Finite differences of J at some parameters.
struct Differences<'a> {
    objective: PlainObjective<'a>,
    theta: Vec<f64>,
}

/// The first of an entry's steps, as a share of the entry or of 1; the next ones are a tenth each.
const FIRST_STEP: f64 = 1e-2;
const STEPS: usize = 5;
/// The share of a gradient that rounding may explain; where it may be more, agreement says little.
const EXPLAINED: f64 = 1e-3;
/// Roundings of an addend of J, each by half a place, on the way to it.
const ROUNDINGS: f64 = 4.0;
/// Relative error at which a difference is good enough.
const GOOD: f64 = 1e-10;

impl Differences<'_> {
    /// ∂J/∂θ of an entry, the best of several steps; nothing where every one crosses a kink.
    fn slope(&mut self, entry: usize) -> Option<Extrapolated> {
        let mut best: Option<Extrapolated> = None;
        let mut step = FIRST_STEP * self.theta[entry].abs().max(1.0);
        for _ in 0..STEPS {
            if let Some(found) = self.extrapolated(entry, step) {
                let good = found.error <= GOOD * found.slope.abs();
                if best.as_ref().is_none_or(|best| found.error < best.error) {
                    best = Some(found);
                }
                if good {
                    break;
                }
            }
            step /= 10.0;
        }
        best
    }

    /// Central differences at h, h/2 and h/4, extrapolated to h = 0; the error is how much the last
    /// extrapolation moved.
    fn extrapolated(&mut self, entry: usize, step: f64) -> Option<Extrapolated> {
        let [(a, _), (b, _), (c, rounding)] = [
            self.central(entry, step)?,
            self.central(entry, step / 2.0)?,
            self.central(entry, step / 4.0)?,
        ];
        let (ab, bc) = ((4.0 * b - a) / 3.0, (4.0 * c - b) / 3.0);
        let slope = (16.0 * bc - ab) / 15.0;
        Some(Extrapolated {
            slope,
            error: (slope - bc).abs(),
            // c enters with the factor 64/45, b and a with much less.
            rounding: 2.0 * rounding,
        })
    }

    /// (J(θ + h) − J(θ − h)) / 2h and its rounding error, where no sample crosses a kink in between.
    fn central(&mut self, entry: usize, step: f64) -> Option<(f64, f64)> {
        let old = self.theta[entry];
        let mut at = |theta: f64| -> Plain {
            self.theta[entry] = theta;
            (self.objective)(&self.theta)
        };
        let (high, low) = (old + step, old - step);
        let (above, below) = (at(high), at(low));
        let middle = at(old);
        let smooth = above.pieces == below.pieces && middle.pieces == above.pieces;
        smooth.then(|| {
            let rounding = ROUNDINGS * f64::EPSILON * above.changed(&below);
            let width = high - low;
            (above.minus(&below) / width, rounding / width)
        })
    }
}

struct Extrapolated {
    slope: f64,
    error: f64,
    rounding: f64,
}

/// What is left of a difference beyond `most`.
fn beyond(difference: f64, most: f64) -> f64 {
    let rest = (difference.abs() - most).max(0.0);
    // Not a number stays so.
    if difference.is_nan() {
        difference
    } else {
        rest.copysign(difference)
    }
}

/// ‖a − b‖ / ‖a + b‖ in the Euclidean norm; 0 where both are zero.
pub fn relative_difference(a: &[f64], b: &[f64]) -> f64 {
    let norm = |sign: f64| {
        let squares = a.iter().zip(b).map(|(a, b)| (a + sign * b).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let difference = norm(-1.0);
    if difference == 0.0 {
        0.0
    } else {
        difference / norm(1.0)
    }
}

/// Up to `count` indices of entries: those of the largest magnitudes, and others evenly spread.
fn picked(gradient: &[f64], count: usize) -> Vec<usize> {
    let length = gradient.len();
    if count >= length {
        return (0..length).collect();
    }
    let mut by_size: Vec<usize> = (0..length).collect();
    by_size.sort_by(|&a, &b| gradient[b].abs().total_cmp(&gradient[a].abs()));
    let spread = count / 2;
    let mut picked: BTreeSet<usize> = by_size[..count - spread].iter().copied().collect();
    picked.extend((0..spread).map(|i| i * length / spread));
    picked.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_the_largest_and_evenly_spread_ones() {
        let gradient = [0.0, -9.0, 1.0, 0.5, 0.0, 8.0, 0.0, 0.0];
        assert_eq!(picked(&gradient, 4), [0, 1, 4, 5]);
        assert_eq!(picked(&gradient, 1), [1]);
        assert_eq!(picked(&gradient, 100), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn differences_are_extrapolated_and_keep_away_from_kinks() {
        let cubic = |theta: &[f64]| Plain {
            addends: vec![1e12, theta[0].powi(3), (50.0 * theta[0]).exp()],
            pieces: vec![u8::from(theta[0] > 0.3)],
        };
        let mut differences = Differences {
            objective: Box::new(cubic),
            theta: vec![0.2999],
        };
        let exact = 3.0 * 0.2999f64.powi(2) + 50.0 * (50.0 * 0.2999f64).exp();
        let found = differences
            .slope(0)
            .expect("a small step stays below the kink");
        assert!(
            (found.slope / exact - 1.0).abs() < 1e-9,
            "{} {exact}",
            found.slope
        );
        differences.theta[0] = 0.3;
        assert!(differences.slope(0).is_none());
    }
}
