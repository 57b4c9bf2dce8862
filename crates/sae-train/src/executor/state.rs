//! What executors remember between steps.

use std::collections::BTreeMap;

use sae_model::Figures;
use serde::{Deserialize, Serialize};

use super::ExecutorKind;
use crate::vectors::VectorMut;
use crate::{Optimizer, TrainError};

/// What an executor remembers between steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutorState {
    /// Who it belongs to.
    pub executor: ExecutorKind,
    /// Whose memory it holds.
    pub method: Optimizer,
    /// The parameters, flat.
    pub parameters: Vec<f32>,
    /// The optimizer's.
    pub optimizer: OptimizerState,
    /// The estimate of ρ̂, where one is used.
    pub rho_hat: Option<Vec<f64>>,
    /// The figures of the epoch's steps so far.
    pub mean: Mean,
}

/// What an optimizer remembers: names are the optimizer's own. Before its first step it may be empty.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OptimizerState {
    /// Vectors, such as first and second moments.
    pub vectors: BTreeMap<String, Vec<f32>>,
    /// Counts, such as the number of updates.
    pub counts: BTreeMap<String, u64>,
}

impl OptimizerState {
    /// Whether there is nothing to remember.
    pub(crate) fn is_empty(&self) -> bool {
        self.vectors.is_empty() && self.counts.is_empty()
    }
}

/// A mean that is being taken, of figures weighted by samples.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Mean {
    /// The weighted sum.
    pub sum: Figures,
    /// The sum of the weights.
    pub rows: usize,
}

impl Mean {
    pub(crate) fn add(&mut self, figures: &Figures, rows: usize) {
        self.sum.add(figures, rows as f64);
        self.rows += rows;
    }

    pub(crate) fn take(&mut self) -> Figures {
        let taken = std::mem::take(self);
        let mut mean = Figures::default();
        mean.add(&taken.sum, 1.0 / taken.rows.max(1) as f64);
        mean
    }
}

impl ExecutorState {
    pub(crate) fn visit_vectors(&mut self, visit: &mut dyn FnMut(&str, VectorMut<'_>)) {
        visit("parameters", VectorMut::Single(&mut self.parameters));
        for (name, values) in &mut self.optimizer.vectors {
            visit(&format!("optimizer.{name}"), VectorMut::Single(values));
        }
    }

    /// Checks that the state is one of such an executor.
    pub(crate) fn check(
        &self,
        kind: ExecutorKind,
        method: Optimizer,
        parameters: usize,
    ) -> Result<(), TrainError> {
        let refuse = |what, found, expected| {
            Err(TrainError::State {
                what,
                found,
                expected,
            })
        };
        if self.executor != kind {
            let (found, expected) = (self.executor.to_string(), kind.to_string());
            return refuse("the executor", found, expected);
        }
        if self.method != method {
            let (found, expected) = (self.method.to_string(), method.to_string());
            return refuse("the optimizer", found, expected);
        }
        check_length("the model", self.parameters.len(), parameters)
    }
}

/// Refuses a state or a vector of other sizes.
pub(crate) fn check_length(
    what: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), TrainError> {
    match found == expected {
        true => Ok(()),
        false => Err(TrainError::State {
            what,
            found: format!("{found} values"),
            expected: format!("{expected}"),
        }),
    }
}
