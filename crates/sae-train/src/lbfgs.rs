//! One iteration of Burn's L-BFGS on the exact full-batch objective.

use std::collections::VecDeque;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsParams, LBFGS, LBFGSConfig, LineSearchFn};
use burn::tensor::Tensor;
use sae_model::{HostValue, Objective};

use crate::line_search::{EVALUATIONS, Iteration};
use crate::whole::Whole;
use crate::{Source, TrainError};

/// L-BFGS with what it last evaluated. Burn's loop begins every call by evaluating the point at
/// which the call before ended; that evaluation is kept, and an iteration costs one pass over the
/// data where the first step of its line search is accepted.
pub(crate) struct Lbfgs {
    lbfgs: LBFGS,
    history: usize,
    /// Whether it remembers steps.
    remembers: bool,
    accepted: Option<(f64, HostValue, GradientsParams)>,
}

impl Lbfgs {
    /// Remembers `history` past steps.
    pub(crate) fn new(history: usize) -> Self {
        Self {
            lbfgs: one_iteration(history),
            history,
            remembers: false,
            accepted: None,
        }
    }

    /// One iteration. Where the remembered steps, spoilt by rounding, give a direction along which
    /// nothing is better, they are forgotten and the gradient itself is tried.
    pub(crate) fn step<O: Objective, S: Source<Batch = O::Batch>>(
        &mut self,
        whole: &Whole<'_, O, S>,
        model: O::Model,
        learning_rate: f64,
    ) -> Result<Iteration<O::Model>, TrainError> {
        let mut iteration = self.attempt(whole, model, learning_rate)?;
        if !iteration.moved && self.remembers {
            self.lbfgs = one_iteration(self.history);
            iteration = self.attempt(whole, iteration.model, learning_rate)?;
        }
        self.remembers = iteration.moved;
        Ok(iteration)
    }

    fn attempt<O: Objective, S: Source<Batch = O::Batch>>(
        &mut self,
        whole: &Whole<'_, O, S>,
        model: O::Model,
        learning_rate: f64,
    ) -> Result<Iteration<O::Model>, TrainError> {
        let mut known = self.accepted.take();
        let mut seen: VecDeque<(f64, HostValue, GradientsParams)> = VecDeque::new();
        let mut failed = None;
        let mut start = None;
        let evaluate = |model: O::Model| {
            let found = known.take().map_or_else(
                || {
                    let (value, gradients) = whole.gradient(&model)?;
                    Ok::<_, TrainError>((value.total(), value, gradients))
                },
                Ok,
            );
            let (total, value, gradients) = match found {
                Ok(found) => found,
                Err(error) => {
                    // Burn's loop has no way to stop on an error: it gets a point from which no
                    // step leads on.
                    failed.get_or_insert(error);
                    return (f64::NAN, zeros(&model));
                }
            };
            start.get_or_insert(total);
            let copy = copy(&model, &gradients);
            seen.push_front((total, value, gradients));
            (total, copy)
        };
        let (model, reached) = self.lbfgs.step(learning_rate, model, evaluate);
        if let Some(error) = failed {
            return Err(error);
        }
        // The line search ends at one of the points that it has evaluated. Where it met a value
        // that is not a number, the newest evaluation has it, and the caller's check reports it.
        let place = seen.iter().position(|(total, ..)| *total == reached);
        let accepted = seen
            .remove(place.unwrap_or(0))
            .ok_or_else(|| TrainError::NoSamples {
                stage: "lbfgs".to_owned(),
            })?;
        let iteration = Iteration {
            gradient_norm: norm(&model, &accepted.2),
            model,
            value: accepted.1.clone(),
            moved: start != Some(accepted.0),
        };
        self.accepted = Some(accepted);
        Ok(iteration)
    }
}

/// Burn's loop does one iteration a call; this project's loop does the rest, with its own rules for
/// when to stop.
fn one_iteration(history: usize) -> LBFGS {
    LBFGSConfig::new()
        .with_max_iter(1)
        .with_max_eval(Some(1 + EVALUATIONS))
        .with_history_size(history)
        .with_tolerance_grad(0.0)
        .with_tolerance_change(f64::MIN_POSITIVE)
        .with_line_search_fn(LineSearchFn::StrongWolfe)
        .init()
}

/// The same tensors once more; they share their memory.
fn copy<M: Module>(model: &M, gradients: &GradientsParams) -> GradientsParams {
    struct Copier<'a>(&'a GradientsParams, GradientsParams);
    impl ModuleVisitor for Copier<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                self.1.register(param.id, gradient);
            }
        }
    }
    let mut copier = Copier(gradients, GradientsParams::new());
    model.visit(&mut copier);
    copier.1
}

/// A gradient of zeros.
fn zeros<M: Module>(model: &M) -> GradientsParams {
    struct Zeros(GradientsParams);
    impl ModuleVisitor for Zeros {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0.register(param.id, param.val().inner().zeros_like());
        }
    }
    let mut zeros = Zeros(GradientsParams::new());
    model.visit(&mut zeros);
    zeros.0
}

/// The Euclidean norm of a gradient.
pub(crate) fn norm<M: Module>(model: &M, gradients: &GradientsParams) -> f64 {
    struct Squares<'a>(&'a GradientsParams, f64);
    impl ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(gradient) = self.0.get::<D>(param.id) {
                self.1 += gradient.square().sum().into_scalar::<f64>();
            }
        }
    }
    let mut squares = Squares(gradients, 0.0);
    model.visit(&mut squares);
    squares.1.sqrt()
}
