//! argmin's line search of Moré and Thuente (1994) along a direction, until the strong Wolfe
//! conditions hold.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient, IterState};
use argmin::solver::linesearch::{LineSearch as _, MoreThuenteLineSearch};

use super::point::{Evaluate, Point};
use crate::TrainError;

/// Most evaluations of the objective in one search.
const EVALUATIONS: u64 = 25;
/// c1 of the strong Wolfe conditions.
const DECREASE: f64 = 1e-4;

/// Where a search ended.
pub(super) struct Found {
    pub point: Point,
    /// Its step, in lengths of the direction.
    pub step: f64,
}

/// The best point along `direction` from `start`; nothing where none is better. The first trial is
/// `step`; `curvature` is c2 of the strong Wolfe conditions.
pub(super) fn search(
    start: &Point,
    direction: &[f64],
    step: f64,
    curvature: f64,
    evaluate: &mut Evaluate<'_>,
) -> Result<Option<Found>, TrainError> {
    let usable = step.is_finite() && step > 0.0;
    let descends = dot(&start.gradient, direction) < 0.0;
    if !usable || !descends {
        return Ok(None);
    }
    let mut solver = MoreThuenteLineSearch::new()
        .with_c(DECREASE, curvature)
        .expect("0 < c1 < c2 < 1");
    solver.search_direction(direction.to_vec());
    solver
        .initial_step_length(step)
        .expect("the step was found positive above");
    let line = Line {
        evaluate: RefCell::new(evaluate),
        seen: RefCell::default(),
    };
    let state = |state: IterState<_, _, (), (), (), f64>| {
        state
            .param(start.parameters.clone())
            .gradient(start.gradient.clone())
            .cost(start.total)
            .max_iters(EVALUATIONS)
    };
    let done = Executor::new(Borrowed(&line), solver)
        .configure(state)
        .timer(false)
        .run();
    // argmin's own complaints (no descent, no number) end the search where it stands.
    if let Err(own) = done.map_err(|error| error.downcast::<TrainError>())
        && let Ok(own) = own
    {
        return Err(own);
    }
    // Whatever ended the search, its lowest point is what it found.
    let seen = line.seen.into_inner().into_iter();
    let finite = seen.filter(Point::is_finite);
    let best = finite.min_by(|a, b| a.total.total_cmp(&b.total));
    let better = best.filter(|best| best.total < start.total);
    Ok(better.map(|point| {
        let moved = point.parameters.iter().zip(&start.parameters);
        let squares: f64 = moved.map(|(new, old)| (new - old).powi(2)).sum();
        Found {
            step: (squares / dot(direction, direction)).sqrt(),
            point,
        }
    }))
}

/// The objective, as argmin wants to see it.
struct Line<'a, 'e> {
    evaluate: RefCell<&'a mut Evaluate<'e>>,
    /// What was evaluated, the newest last: argmin asks for value and slope one after the other.
    seen: RefCell<Vec<Point>>,
}

impl Line<'_, '_> {
    /// Calls `work` with the objective at `parameters`, evaluated once per point.
    fn at<R>(&self, parameters: &[f64], work: impl FnOnce(&Point) -> R) -> Result<R, Error> {
        let known = |point: &&Point| point.parameters == parameters;
        if let Some(point) = self.seen.borrow().iter().rev().find(known) {
            return Ok(work(point));
        }
        let point = Point::at(parameters.to_vec(), *self.evaluate.borrow_mut())?;
        let result = work(&point);
        self.seen.borrow_mut().push(point);
        Ok(result)
    }
}

/// argmin takes problems by value.
struct Borrowed<'a, 'b, 'e>(&'a Line<'b, 'e>);

impl CostFunction for Borrowed<'_, '_, '_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, parameters: &Vec<f64>) -> Result<f64, Error> {
        self.0.at(parameters, |point| point.total)
    }
}

impl Gradient for Borrowed<'_, '_, '_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, parameters: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.0.at(parameters, |point| point.gradient.clone())
    }
}

/// a·b, in eight sums side by side, which a processor can add up at once.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    dot_of(a, b, |a| a)
}

/// As [`dot`], of a vector that is kept in single precision.
pub(super) fn dot_single(a: &[f32], b: &[f64]) -> f64 {
    dot_of(a, b, f64::from)
}

fn dot_of<T: Copy>(a: &[T], b: &[f64], double: impl Fn(T) -> f64) -> f64 {
    const SIDE_BY_SIDE: usize = 8;
    let (a, rest_a) = a.as_chunks::<SIDE_BY_SIDE>();
    let (b, rest_b) = b.as_chunks::<SIDE_BY_SIDE>();
    let mut sums = [0.0; SIDE_BY_SIDE];
    for (a, b) in a.iter().zip(b) {
        for i in 0..SIDE_BY_SIDE {
            sums[i] += double(a[i]) * b[i];
        }
    }
    let rest = rest_a.iter().zip(rest_b).map(|(&a, b)| double(a) * b);
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

pub(super) fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}
