//! Both gradient rules against central finite differences.

use std::collections::BTreeSet;

use burn::module::Module;
use burn::optim::GradientsParams;

use crate::parameters::host_values;
use crate::{
    GradientRule, ModelError, NamedParameter, Objective, named_parameters, with_parameters,
};

/// How finite differences are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FiniteDifference {
    /// Step h of (J(θ + h) − J(θ − h)) / 2h.
    pub step: f64,
    /// At most this many entries per tensor are differenced: half of them those with the largest
    /// slopes by autodiff, where rounding matters least, the others evenly spread.
    pub entries: usize,
}

impl Default for FiniteDifference {
    /// h = 1e-4 balances truncation (h²) against rounding (ε/h) in `f64`.
    fn default() -> Self {
        Self {
            step: 1e-4,
            entries: usize::MAX,
        }
    }
}

/// Agreement on one parameter tensor, as relative differences ‖a − b‖ / ‖a + b‖.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorCheck {
    /// The parameter's path in the module.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// How many entries were differenced.
    pub entries: usize,
    /// Delta against autodiff, over all entries.
    pub delta_autodiff: f64,
    /// Delta against finite differences, over the entries that were differenced.
    pub delta_finite: f64,
    /// Autodiff against finite differences, over the same entries.
    pub autodiff_finite: f64,
}

/// Compares delta, autodiff and finite differences for every parameter tensor of `model`.
///
/// Meant for `f64` models; in `f32` the differences are dominated by rounding. An entry costs two
/// evaluations of the objective.
///
/// # Errors
///
/// None for a model that fits `batch`; shape errors are passed on.
pub fn gradient_check<O: Objective>(
    objective: &O,
    model: &O::Model,
    batch: &O::Batch,
    settings: FiniteDifference,
) -> Result<Vec<TensorCheck>, ModelError> {
    let mut parameters = named_parameters(model);
    let gradients = |rule: GradientRule| {
        named_gradients(model, &rule.gradient(objective, model, batch).gradients)
    };
    let delta = gradients(GradientRule::Delta);
    let autodiff = gradients(GradientRule::Autodiff);

    let mut checks = Vec::new();
    for tensor in 0..parameters.len() {
        let picked = picked(&autodiff[tensor].1, settings.entries);
        let mut finite = Vec::with_capacity(picked.len());
        for &entry in &picked {
            let mut at = |offset: f64| -> Result<f64, ModelError> {
                let old = parameters[tensor].values[entry];
                parameters[tensor].values[entry] = old + offset;
                let moved = with_parameters(model.clone(), &parameters);
                parameters[tensor].values[entry] = old;
                Ok(objective.value(&moved?, batch).host_total())
            };
            let difference = at(settings.step)? - at(-settings.step)?;
            finite.push(difference / (2.0 * settings.step));
        }
        let pick = |all: &[f64]| picked.iter().map(|&i| all[i]).collect::<Vec<_>>();
        checks.push(TensorCheck {
            name: parameters[tensor].name.clone(),
            shape: parameters[tensor].shape.clone(),
            entries: picked.len(),
            delta_autodiff: relative_difference(&delta[tensor].1, &autodiff[tensor].1),
            delta_finite: relative_difference(&pick(&delta[tensor].1), &finite),
            autodiff_finite: relative_difference(&pick(&autodiff[tensor].1), &finite),
        });
    }
    Ok(checks)
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

/// The gradient of every parameter of `model` on the host, under the parameter's name, row by row.
///
/// A parameter without a gradient does not influence the objective: its gradient is zero.
pub fn named_gradients<M: Module>(
    model: &M,
    gradients: &GradientsParams,
) -> Vec<(String, Vec<f64>)> {
    let host = |p: NamedParameter| {
        let values = match p.shape.len() {
            1 => gradients.get::<1>(p.id).map(host_values),
            _ => gradients.get::<2>(p.id).map(host_values),
        };
        let zeros = || vec![0.0; p.values.len()];
        (p.name, values.unwrap_or_else(zeros))
    };
    named_parameters(model).into_iter().map(host).collect()
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
}
