//! Optimizers that search along a line for a better point of the exact objective. They work on flat
//! vectors and know nothing of models: whoever evaluates may be any executor.

mod conjugate;
mod lbfgs;
mod line;

use sae_model::Figures;
use serde::{Deserialize, Serialize};

use self::conjugate::Conjugate;
use self::lbfgs::Lbfgs;
use crate::{Gradient, Optimizer, TrainError, Training};

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
pub(crate) type Evaluate<'a> = dyn FnMut(&[f32]) -> Result<Gradient, TrainError> + 'a;

impl Point {
    fn at(parameters: Vec<f64>, evaluate: &mut Evaluate<'_>) -> Result<Self, TrainError> {
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

/// A line search with all that it remembers between iterations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LineSearch {
    /// Where the last iteration ended.
    point: Option<Point>,
    method: Method,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Method {
    Lbfgs(Lbfgs),
    Conjugate(Conjugate),
}

impl LineSearch {
    /// The line search of some settings; nothing for other optimizers.
    pub(crate) fn new(training: &Training) -> Option<Self> {
        let method = match training.optimizer {
            Optimizer::Lbfgs => Method::Lbfgs(Lbfgs::new(training.history)),
            Optimizer::Cg => Method::Conjugate(Conjugate::default()),
            _ => return None,
        };
        Some(Self {
            point: None,
            method,
        })
    }

    /// One iteration from where the last one ended, or from `start`. Returns whether a better point
    /// was found; where the remembered steps, spoilt by rounding, give a direction along which
    /// nothing is better, they are forgotten and the gradient itself is tried. `first_step` is the
    /// step that is tried first where nothing is known yet.
    pub(crate) fn iterate(
        &mut self,
        start: impl FnOnce() -> Vec<f32>,
        first_step: f64,
        evaluate: &mut Evaluate<'_>,
    ) -> Result<bool, TrainError> {
        let point = match self.point.take() {
            Some(point) => point,
            None => {
                let start = start().into_iter().map(f64::from).collect();
                Point::at(start, evaluate)?
            }
        };
        let mut found = self.attempt(&point, first_step, evaluate)?;
        if found.is_none() && self.forget() {
            found = self.attempt(&point, first_step, evaluate)?;
        }
        let moved = found.is_some();
        self.point = Some(found.unwrap_or(point));
        Ok(moved)
    }

    /// Number of parameters of its memory, where it has any.
    pub(crate) fn parameters(&self) -> Option<usize> {
        self.point.as_ref().map(|point| point.parameters.len())
    }

    /// Where the last iteration ended.
    pub(crate) fn point(&self) -> Option<&Point> {
        self.point.as_ref()
    }

    fn attempt(
        &mut self,
        point: &Point,
        first_step: f64,
        evaluate: &mut Evaluate<'_>,
    ) -> Result<Option<Point>, TrainError> {
        match &mut self.method {
            Method::Lbfgs(lbfgs) => lbfgs.attempt(point, first_step, evaluate),
            Method::Conjugate(conjugate) => conjugate.attempt(point, first_step, evaluate),
        }
    }

    /// Forgets past steps; false where there were none.
    fn forget(&mut self) -> bool {
        match &mut self.method {
            Method::Lbfgs(lbfgs) => lbfgs.forget(),
            Method::Conjugate(conjugate) => conjugate.forget(),
        }
    }
}
