//! Non-linear conjugate gradients (Polak and Ribière 1969, with max(β, 0) after Powell).

use serde::{Deserialize, Serialize};

use super::line::{dot, norm, search};
use super::point::{Evaluate, Point};
use crate::TrainError;
use crate::vectors::VectorMut;

/// c2 of the strong Wolfe conditions. Conjugate directions want a closer search than quasi-Newton
/// steps (Nocedal and Wright, "Numerical Optimization", 2nd ed., section 5.2).
const CURVATURE: f64 = 0.1;

/// What the next iteration builds on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Conjugate {
    next: Option<Next>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Next {
    direction: Vec<f64>,
    /// The step that is tried first.
    step: f64,
}

impl Conjugate {
    /// Forgets the direction; false where there was none.
    pub(super) fn forget(&mut self) -> bool {
        self.next.take().is_some()
    }

    pub(super) fn lengths(&self) -> Vec<usize> {
        self.next.iter().map(|next| next.direction.len()).collect()
    }

    pub(super) fn visit_vectors(&mut self, visit: &mut dyn FnMut(&str, VectorMut<'_>)) {
        if let Some(next) = &mut self.next {
            visit("search.direction", VectorMut::Double(&mut next.direction));
        }
    }

    pub(super) fn attempt(
        &mut self,
        point: &Point,
        first_step: f64,
        evaluate: &mut Evaluate<'_>,
    ) -> Result<Option<Point>, TrainError> {
        let next = match &self.next {
            Some(next) => next.clone(),
            None => Next::steepest(point, first_step),
        };
        let found = search(point, &next.direction, next.step, CURVATURE, evaluate)?;
        Ok(found.map(|found| {
            self.next = Some(next.followed_by(point, &found.point, found.step));
            found.point
        }))
    }
}

impl Next {
    /// Steepest descent; the first trial moves no parameter further than `first_step`.
    fn steepest(point: &Point, first_step: f64) -> Self {
        let direction: Vec<f64> = point.gradient.iter().map(|g| -g).collect();
        let length = norm(&direction).max(1.0);
        Self {
            direction,
            step: first_step / length,
        }
    }

    /// d ← −g′ + max(β, 0)·d with β = g′·(g′ − g) / g·g. The next search first tries the step that
    /// would change J as much as the last one did, to first order (Nocedal and Wright, eq. 3.60).
    fn followed_by(&self, before: &Point, after: &Point, step: f64) -> Self {
        let (old, new) = (&before.gradient, &after.gradient);
        let beta = (dot(new, new) - dot(new, old)) / dot(old, old);
        let beta = beta.max(0.0);
        let follow = |beta: f64| -> Vec<f64> {
            let both = new.iter().zip(&self.direction);
            both.map(|(g, d)| beta * d - g).collect()
        };
        let mut direction = follow(beta);
        if dot(&direction, new) >= 0.0 {
            direction = follow(0.0);
        }
        let (past, ahead) = (dot(old, &self.direction), dot(new, &direction));
        Self {
            step: step * past / ahead,
            direction,
        }
    }
}
