//! Optimizers that search along a line for a better point of the exact objective. They work on flat
//! vectors and know nothing of models: whoever evaluates may be any executor.

mod conjugate;
mod lbfgs;
mod line;
mod point;

use serde::{Deserialize, Serialize};

use self::conjugate::Conjugate;
use self::lbfgs::Lbfgs;
use self::point::Evaluate;
pub use self::point::Point;
use crate::vectors::VectorMut;
use crate::{Optimizer, TrainError, Training};

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
    /// step that is tried first where nothing is known yet. Where `evaluate` fails, the same iteration
    /// can be tried again.
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
        let (next, moved) = match self.attempts(&point, first_step, evaluate) {
            Ok(Some(found)) => (found, Ok(true)),
            Ok(None) => (point, Ok(false)),
            Err(error) => (point, Err(error)),
        };
        self.point = Some(next);
        moved
    }

    /// By what is remembered, or else by the gradient itself.
    fn attempts(
        &mut self,
        point: &Point,
        first_step: f64,
        evaluate: &mut Evaluate<'_>,
    ) -> Result<Option<Point>, TrainError> {
        let found = self.attempt(point, first_step, evaluate)?;
        match found.is_none() && self.forget() {
            true => self.attempt(point, first_step, evaluate),
            false => Ok(found),
        }
    }

    pub(crate) fn visit_vectors(&mut self, visit: &mut dyn FnMut(&str, VectorMut<'_>)) {
        if let Some(point) = &mut self.point {
            visit(
                "search.parameters",
                VectorMut::Double(&mut point.parameters),
            );
            visit("search.gradient", VectorMut::Double(&mut point.gradient));
        }
        match &mut self.method {
            Method::Lbfgs(lbfgs) => lbfgs.visit_vectors(visit),
            Method::Conjugate(conjugate) => conjugate.visit_vectors(visit),
        }
    }

    /// The lengths of the vectors of its memory, all of them numbers of parameters.
    pub(crate) fn lengths(&self) -> Vec<usize> {
        let mut lengths = match &self.method {
            Method::Lbfgs(lbfgs) => lbfgs.lengths(),
            Method::Conjugate(conjugate) => conjugate.lengths(),
        };
        if let Some(point) = &self.point {
            lengths.extend([point.parameters.len(), point.gradient.len()]);
        }
        lengths
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
