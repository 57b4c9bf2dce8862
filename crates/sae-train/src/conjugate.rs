//! Non-linear conjugate gradients (Polak and Ribière 1969, with max(β, 0) after Powell), with
//! argmin's line search of Moré and Thuente.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient, IterState};
use argmin::solver::linesearch::{LineSearch as _, MoreThuenteLineSearch};
use sae_model::{
    HostValue, NamedParameter, Objective, named_gradients, named_parameters, with_parameters,
};

use crate::line_search::{EVALUATIONS, Iteration};
use crate::whole::Whole;
use crate::{Source, TrainError};

/// c1 and c2 of the strong Wolfe conditions. Conjugate directions want a closer search than
/// quasi-Newton steps (Nocedal and Wright, "Numerical Optimization", 2nd ed., section 5.2).
const WOLFE: (f64, f64) = (1e-4, 0.1);

/// What the next iteration builds on.
#[derive(Default)]
pub(crate) struct ConjugateGradient {
    last: Option<Last>,
}

struct Last {
    point: Point,
    direction: Vec<f64>,
    step: f64,
}

/// The objective at some parameters.
#[derive(Clone)]
struct Point {
    parameters: Vec<f64>,
    total: f64,
    value: HostValue,
    gradient: Vec<f64>,
}

impl ConjugateGradient {
    pub(crate) fn step<O: Objective, S: Source<Batch = O::Batch>>(
        &mut self,
        whole: &Whole<'_, O, S>,
        model: O::Model,
        first_step: f64,
    ) -> Result<Iteration<O::Model>, TrainError> {
        let names = named_parameters(&model);
        let line = Line {
            whole,
            model: &model,
            names: &names,
            seen: RefCell::default(),
        };
        let last = match self.last.take() {
            Some(last) => last,
            None => {
                let point = line.evaluate(&flat(&names))?;
                Last::start(point, first_step)
            }
        };
        let mut found = line.search(&last)?;
        if found.is_none() {
            // Where rounding has spoilt the direction, the gradient itself may still lead on.
            found = line.search(&last.restarted(first_step))?;
        }
        let moved = found.is_some();
        let next = match found {
            Some((point, step)) => last.next(point, step),
            None => last,
        };
        let iteration = Iteration {
            model: line.model_at(&next.point.parameters)?,
            value: next.point.value.clone(),
            gradient_norm: norm(&next.point.gradient),
            moved,
        };
        self.last = Some(next);
        Ok(iteration)
    }
}

impl Last {
    /// Steepest descent; the first trial moves no parameter further than `first_step`.
    fn start(point: Point, first_step: f64) -> Self {
        let direction: Vec<f64> = point.gradient.iter().map(|g| -g).collect();
        let length = norm(&direction).max(1.0);
        Self {
            point,
            direction,
            step: first_step / length,
        }
    }

    fn restarted(&self, first_step: f64) -> Self {
        Self::start(self.point.clone(), first_step)
    }

    /// d ← −g′ + max(β, 0)·d with β = g′·(g′ − g) / g·g. The next search first tries the step that
    /// would change J as much as the last one did, to first order (Nocedal and Wright, eq. 3.60).
    fn next(self, point: Point, step: f64) -> Self {
        let (old, new) = (&self.point.gradient, &point.gradient);
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
        let (before, after) = (dot(old, &self.direction), dot(new, &direction));
        Self {
            step: step * before / after,
            direction,
            point,
        }
    }
}

/// The objective along lines, as argmin wants to see it.
struct Line<'a, 'w, O: Objective, S> {
    whole: &'a Whole<'w, O, S>,
    model: &'a O::Model,
    names: &'a [NamedParameter],
    /// What was evaluated, the newest last: argmin asks for value and slope one after the other.
    seen: RefCell<Vec<Point>>,
}

impl<O: Objective, S: Source<Batch = O::Batch>> Line<'_, '_, O, S> {
    /// The best point along `last`'s direction and its step; nothing where none is better.
    fn search(&self, last: &Last) -> Result<Option<(Point, f64)>, TrainError> {
        self.seen.borrow_mut().clear();
        let usable = last.step.is_finite() && last.step > 0.0;
        if dot(&last.point.gradient, &last.direction) >= 0.0 || !usable {
            return Ok(None);
        }
        let mut search = MoreThuenteLineSearch::new()
            .with_c(WOLFE.0, WOLFE.1)
            .expect("0 < c1 < c2 < 1");
        search.search_direction(last.direction.clone());
        search
            .initial_step_length(last.step)
            .expect("the step was found positive above");
        let point = &last.point;
        let start = |state: IterState<_, _, (), (), (), f64>| {
            state
                .param(point.parameters.clone())
                .gradient(point.gradient.clone())
                .cost(point.total)
                .max_iters(EVALUATIONS as u64)
        };
        let done = Executor::new(Borrowed(self), search)
            .configure(start)
            .timer(false)
            .run();
        match done {
            Ok(_) => {}
            // argmin's own complaints (no descent, no number) end the search where it stands.
            Err(error) => {
                if let Ok(own) = error.downcast::<TrainError>() {
                    return Err(own);
                }
            }
        }
        // Whatever ended the search, its lowest point is what it found.
        let seen = self.seen.borrow();
        let best = seen
            .iter()
            .filter(|point| point.total.is_finite())
            .min_by(|a, b| a.total.total_cmp(&b.total));
        let Some(best) = best.filter(|best| best.total < last.point.total) else {
            return Ok(None);
        };
        let moved = best.parameters.iter().zip(&last.point.parameters);
        let moved: Vec<f64> = moved.map(|(new, old)| new - old).collect();
        let step = norm(&moved) / norm(&last.direction);
        Ok(Some((best.clone(), step)))
    }

    /// The objective and its gradient at `parameters`, once per point.
    fn evaluate(&self, parameters: &[f64]) -> Result<Point, TrainError> {
        let known = |point: &&Point| point.parameters == parameters;
        if let Some(point) = self.seen.borrow().iter().rev().find(known) {
            return Ok(point.clone());
        }
        let model = self.model_at(parameters)?;
        let (value, gradients) = self.whole.gradient(&model)?;
        let gradients = named_gradients(&model, &gradients).into_iter();
        let point = Point {
            parameters: parameters.to_vec(),
            total: value.total(),
            gradient: gradients.flat_map(|(_, values)| values).collect(),
            value,
        };
        self.seen.borrow_mut().push(point.clone());
        Ok(point)
    }

    fn model_at(&self, parameters: &[f64]) -> Result<O::Model, TrainError> {
        let mut rest = parameters;
        let named: Vec<NamedParameter> = self
            .names
            .iter()
            .map(|own| {
                let (values, more) = rest.split_at(own.values.len());
                rest = more;
                NamedParameter {
                    values: values.to_vec(),
                    ..own.clone()
                }
            })
            .collect();
        Ok(with_parameters(self.model.clone(), &named)?)
    }
}

/// argmin takes problems by value.
struct Borrowed<'a, 'b, 'w, O: Objective, S>(&'a Line<'b, 'w, O, S>);

impl<O: Objective, S: Source<Batch = O::Batch>> CostFunction for Borrowed<'_, '_, '_, O, S> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, parameters: &Vec<f64>) -> Result<f64, Error> {
        Ok(self.0.evaluate(parameters)?.total)
    }
}

impl<O: Objective, S: Source<Batch = O::Batch>> Gradient for Borrowed<'_, '_, '_, O, S> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, parameters: &Vec<f64>) -> Result<Vec<f64>, Error> {
        Ok(self.0.evaluate(parameters)?.gradient)
    }
}

fn flat(parameters: &[NamedParameter]) -> Vec<f64> {
    let values = parameters.iter().flat_map(|p| &p.values);
    values.copied().collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}
