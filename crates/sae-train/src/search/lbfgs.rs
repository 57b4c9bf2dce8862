//! L-BFGS (Nocedal 1980; Nocedal and Wright, "Numerical Optimization", 2nd ed., algorithm 7.4).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::line::{dot, dot_single, search};
use super::point::{Evaluate, Point};
use crate::TrainError;
use crate::vectors::VectorMut;

/// c2 of the strong Wolfe conditions, as is usual for quasi-Newton directions.
const CURVATURE: f64 = 0.9;

/// What the next iteration builds on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Lbfgs {
    history: usize,
    steps: VecDeque<Step>,
}

/// A past step and what it did to the gradient. In single precision, as the parameters are: the
/// steps are most of what training remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Step {
    /// s, by which the parameters changed.
    parameters: Vec<f32>,
    /// y, by which the gradient changed.
    gradient: Vec<f32>,
    /// s·y.
    curvature: f64,
}

impl Lbfgs {
    pub(super) fn new(history: usize) -> Self {
        Self {
            history,
            steps: VecDeque::new(),
        }
    }

    /// Forgets the past steps; false where there were none.
    pub(super) fn forget(&mut self) -> bool {
        !std::mem::take(&mut self.steps).is_empty()
    }

    pub(super) fn lengths(&self) -> Vec<usize> {
        let both = |step: &Step| [step.parameters.len(), step.gradient.len()];
        self.steps.iter().flat_map(both).collect()
    }

    pub(super) fn visit_vectors(&mut self, visit: &mut dyn FnMut(&str, VectorMut<'_>)) {
        for (k, step) in self.steps.iter_mut().enumerate() {
            let parameters = VectorMut::Single(&mut step.parameters);
            visit(&format!("search.steps.{k}.parameters"), parameters);
            let gradient = VectorMut::Single(&mut step.gradient);
            visit(&format!("search.steps.{k}.gradient"), gradient);
        }
    }

    pub(super) fn attempt(
        &mut self,
        point: &Point,
        first_step: f64,
        evaluate: &mut Evaluate<'_>,
    ) -> Result<Option<Point>, TrainError> {
        let direction = self.direction(&point.gradient);
        // Before the curvature is known, no parameter moves far.
        let magnitude: f64 = point.gradient.iter().map(|g| g.abs()).sum();
        let step = match self.steps.is_empty() {
            true => first_step * (1.0 / magnitude).min(1.0),
            false => first_step,
        };
        let found = search(point, &direction, step, CURVATURE, evaluate)?;
        Ok(found.map(|found| {
            self.remember(point, &found.point);
            found.point
        }))
    }

    /// −H·g, with the inverse Hessian H that the past steps stand for.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut weights = Vec::with_capacity(self.steps.len());
        for step in self.steps.iter().rev() {
            let weight = dot_single(&step.parameters, &direction) / step.curvature;
            add(&mut direction, -weight, &step.gradient);
            weights.push(weight);
        }
        if let Some(last) = self.steps.back() {
            let squares: f64 = last.gradient.iter().map(|&y| f64::from(y).powi(2)).sum();
            let scale = last.curvature / squares;
            direction.iter_mut().for_each(|d| *d *= scale);
        }
        for (step, weight) in self.steps.iter().zip(weights.into_iter().rev()) {
            let back = dot_single(&step.gradient, &direction) / step.curvature;
            add(&mut direction, weight - back, &step.parameters);
        }
        direction
    }

    /// Keeps a step where the objective curves upwards along it, as H must.
    fn remember(&mut self, before: &Point, after: &Point) {
        let difference = |a: &[f64], b: &[f64]| -> Vec<f32> {
            let pairs = a.iter().zip(b);
            pairs.map(|(a, b)| (a - b) as f32).collect()
        };
        let parameters = difference(&after.parameters, &before.parameters);
        let gradient = difference(&after.gradient, &before.gradient);
        let doubles: Vec<f64> = gradient.iter().map(|&y| f64::from(y)).collect();
        let curvature = dot_single(&parameters, &doubles);
        let curves_upwards = curvature > f64::EPSILON * dot(&doubles, &doubles);
        if !curves_upwards {
            return;
        }
        if self.steps.len() == self.history {
            self.steps.pop_front();
        }
        self.steps.push_back(Step {
            parameters,
            gradient,
            curvature,
        });
    }
}

/// `sum += factor · more`.
fn add(sum: &mut [f64], factor: f64, more: &[f32]) {
    for (sum, &more) in sum.iter_mut().zip(more) {
        *sum += factor * f64::from(more);
    }
}
