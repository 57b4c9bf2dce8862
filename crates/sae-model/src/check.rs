//! Both gradient rules against central finite differences.

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
    /// At most this many entries per tensor are differenced, evenly spread over it.
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
    let delta = host_gradients(GradientRule::Delta, objective, model, batch, &parameters);
    let autodiff = host_gradients(GradientRule::Autodiff, objective, model, batch, &parameters);

    let mut checks = Vec::new();
    for tensor in 0..parameters.len() {
        let length = parameters[tensor].values.len();
        let picked = spread(length, settings.entries);
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
            delta_autodiff: relative_difference(&delta[tensor], &autodiff[tensor]),
            delta_finite: relative_difference(&pick(&delta[tensor]), &finite),
            autodiff_finite: relative_difference(&pick(&autodiff[tensor]), &finite),
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

/// Up to `count` distinct indices below `length`, evenly spread.
fn spread(length: usize, count: usize) -> Vec<usize> {
    let count = count.min(length);
    (0..count).map(|i| i * length / count).collect()
}

fn host_gradients<O: Objective>(
    rule: GradientRule,
    objective: &O,
    model: &O::Model,
    batch: &O::Batch,
    parameters: &[NamedParameter],
) -> Vec<Vec<f64>> {
    let gradients = rule.gradient(objective, model, batch).gradients;
    let of = |p: &NamedParameter| match p.shape.len() {
        1 => host_gradient::<1>(&gradients, p),
        _ => host_gradient::<2>(&gradients, p),
    };
    parameters.iter().map(of).collect()
}

/// A parameter without a gradient does not influence the objective: its gradient is zero.
fn host_gradient<const D: usize>(gradients: &GradientsParams, p: &NamedParameter) -> Vec<f64> {
    gradients
        .get::<D>(p.id)
        .map_or_else(|| vec![0.0; p.values.len()], host_values)
}
