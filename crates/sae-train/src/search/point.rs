//! The objective at a point, and how to get it.

use sae_model::Figures;
use serde::{Deserialize, Serialize};

use crate::{Gradient, TrainError};

/// The objective at some parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The parameters, flat.
    pub parameters: Vec<f64>,
    /// J, the sum of the terms.
    pub total: f64,
    /// J, its terms, ρ̂ or the accuracy.
    pub figures: Figures,
    /// ∂J/∂θ, flat.
    pub gradient: Vec<f64>,
}

/// J and its gradient at given parameters.
pub(super) type Evaluate<'a> = dyn FnMut(&[f32]) -> Result<Gradient, TrainError> + 'a;

impl Point {
    /// Whether J and every part of its gradient are finite numbers.
    pub(super) fn is_finite(&self) -> bool {
        self.total.is_finite() && self.gradient.iter().all(|slope| slope.is_finite())
    }

    pub(super) fn at(
        parameters: Vec<f64>,
        evaluate: &mut Evaluate<'_>,
    ) -> Result<Self, TrainError> {
        let single: Vec<f32> = parameters.iter().map(|&p| p as f32).collect();
        let Gradient { figures, values } = evaluate(&single)?;
        Ok(Self {
            parameters,
            total: figures.objective(),
            figures,
            gradient: values,
        })
    }
}
