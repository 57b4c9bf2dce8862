//! Who computes: Burn by automatic differentiation, Burn by the delta rules, or the fused kernels.
//!
//! One contract, whose seams are those of the note's three passes: whoever holds only a part of the
//! samples adds up activities between [`Executor::forward`] and [`Executor::backward`], and
//! gradients before [`Executor::update`].

mod choice;
mod fused;
mod kernel;
mod kind;
mod on_burn;
mod per_parameter;

use burn::module::Module;
use sae_model::{Figures, NamedParameter, named_parameters};
use serde::{Deserialize, Serialize};

pub use choice::{Choice, Compute, Fused, Trainable, executor};
pub use fused::FusedKernels;
pub use kind::ExecutorKind;
pub use on_burn::OnBurn;

use crate::vectors::VectorMut;
use crate::{Batch, Optimizer, TrainError};

/// A model with its objective and optimizer, and somebody who computes.
///
/// The parameters are flat vectors in the order of [`sae_model::flat_parameters`].
pub trait Executor {
    /// The tensors of which the flat vectors are made, in their order.
    fn tensors(&self) -> &[TensorName];

    /// The parameters.
    fn parameters(&self) -> Vec<f32>;

    /// Replaces the parameters; what the optimizer remembers stays.
    ///
    /// # Errors
    ///
    /// Refuses another number of values.
    fn set_parameters(&mut self, parameters: &[f32]) -> Result<(), TrainError>;

    /// Number of hidden units whose mean activity over the whole must be known before
    /// [`Executor::backward`]; 0 where the objective is a plain mean over samples.
    fn hidden(&self) -> usize;

    /// Samples that a part should have at most, for memory's sake.
    fn part_size(&self) -> usize;

    /// Pass 1: adds a part's share of the mean activities over `rows` samples to `activity`,
    /// `[hidden]`.
    ///
    /// # Errors
    ///
    /// Refuses samples that do not fit the model.
    fn forward(
        &mut self,
        part: &Batch<'_>,
        rows: usize,
        activity: &mut [f64],
    ) -> Result<(), TrainError>;

    /// Pass 2: adds a part's share of J over `rows` samples, whose mean activities are `activity`,
    /// and of its gradient to those kept inside.
    ///
    /// # Errors
    ///
    /// As [`Executor::forward`].
    fn backward(
        &mut self,
        part: &Batch<'_>,
        rows: usize,
        activity: &[f64],
    ) -> Result<(), TrainError>;

    /// All three passes over a batch that is the whole, without an update: fused where the executor
    /// can.
    ///
    /// # Errors
    ///
    /// As [`Executor::forward`].
    fn gradient(&mut self, whole: &Batch<'_>) -> Result<Gradient, TrainError> {
        let mut activity = vec![0.0; self.hidden()];
        if !activity.is_empty() {
            self.forward(whole, whole.rows(), &mut activity)?;
        }
        self.backward(whole, whole.rows(), &activity)?;
        self.finish()
    }

    /// Takes out what the calls of [`Executor::backward`] since the last one have added up. Where
    /// they saw but some of the `rows` samples, it is a share: shares add up to the whole.
    ///
    /// # Errors
    ///
    /// Refuses where nothing was added up.
    fn finish(&mut self) -> Result<Gradient, TrainError>;

    /// As [`Executor::finish`], the gradient in single precision, as the kernels have it.
    ///
    /// # Errors
    ///
    /// As [`Executor::finish`].
    fn finish_single(&mut self) -> Result<(Figures, Vec<f32>), TrainError> {
        let Gradient { figures, values } = self.finish()?;
        Ok((
            figures,
            values.into_iter().map(|value| value as f32).collect(),
        ))
    }

    /// As [`Executor::update`], by a gradient in single precision.
    ///
    /// # Errors
    ///
    /// As [`Executor::update`].
    fn update_single(&mut self, gradient: &[f32], learning_rate: f64) -> Result<Step, TrainError> {
        let gradient: Vec<f64> = gradient.iter().map(|&value| value.into()).collect();
        self.update(&gradient, learning_rate)
    }

    /// Moves the parameters by the optimizer. Where the gradient or a parameter is not finite nothing is
    /// changed.
    ///
    /// # Errors
    ///
    /// Refuses another number of values; fails with a line search, which moves parameters itself.
    fn update(&mut self, gradient: &[f64], learning_rate: f64) -> Result<Step, TrainError>;

    /// All three passes over a batch that is a whole, fused where the executor can; adds the figures
    /// from before the update to the running mean. Where J, its gradient or a parameter is not finite
    /// nothing is changed, but for [`Executor::last_gradient`].
    ///
    /// # Errors
    ///
    /// As [`Executor::forward`] and [`Executor::update`].
    fn step(&mut self, batch: &Batch<'_>, learning_rate: f64) -> Result<Step, TrainError>;

    /// ∂J/∂θ of the batch of the last [`Executor::step`], before its update, flat; zeros before the first.
    /// Only right after a step: other passes use the same memory.
    fn last_gradient(&self) -> Vec<f64>;

    /// The mean of the figures of all steps since it was last taken, weighted by their samples.
    /// Where the device works on its own, this waits for it.
    fn take_mean(&mut self) -> Figures;

    /// J and its terms on a batch that is a whole; nothing is changed.
    ///
    /// # Errors
    ///
    /// As [`Executor::forward`].
    fn figures(&mut self, batch: &Batch<'_>) -> Result<Figures, TrainError>;

    /// Gives the estimate of ρ̂ that steps use from now on, `[hidden]` (see
    /// [`RhoHat`](crate::RhoHat)).
    ///
    /// # Errors
    ///
    /// Refuses another number of values than there are hidden units.
    fn set_rho_hat(&mut self, rho_hat: &[f64]) -> Result<(), TrainError>;

    /// All that training has changed.
    fn state(&self) -> ExecutorState;

    /// Puts a state back: what follows is the same, to the last bit, as for the executor it came
    /// from.
    ///
    /// # Errors
    ///
    /// Refuses the state of another kind of executor, optimizer or model.
    fn restore(&mut self, state: &ExecutorState) -> Result<(), TrainError>;
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The parameters moved by the gradient as it was.
    Taken,
    /// They moved by the gradient, shortened to
    /// [`Training::gradient_clip`](crate::Training::gradient_clip).
    Clipped,
    /// J, its gradient or a parameter is not finite, and nothing was changed.
    Refused,
}

/// A tensor among the parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorName {
    /// Path in the module, for example `encoder.weight`.
    pub name: String,
    /// Number of values.
    pub count: usize,
}

impl TensorName {
    /// Those of a module, in the order of its fields.
    pub fn all<M: Module>(module: &M) -> Vec<Self> {
        let named = named_parameters(module).into_iter();
        let of = |parameter: NamedParameter| Self {
            name: parameter.name,
            count: parameter.values.len(),
        };
        named.map(of).collect()
    }
}

/// J over some samples and its gradient.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Gradient {
    /// J, its terms, ρ̂ or the accuracy.
    pub figures: Figures,
    /// ∂J/∂θ, flat.
    pub values: Vec<f64>,
}

impl Gradient {
    /// Adds another part's share, of the same model; to nothing yet, any.
    ///
    /// # Panics
    ///
    /// Panics if the shares have different numbers of values.
    pub fn add(&mut self, share: &Self) {
        if self.values.is_empty() {
            self.values = vec![0.0; share.values.len()];
        }
        assert_eq!(
            self.values.len(),
            share.values.len(),
            "shares are of one model"
        );
        self.figures.add(&share.figures, 1.0);
        let pairs = self.values.iter_mut().zip(&share.values);
        pairs.for_each(|(sum, more)| *sum += more);
    }

    /// ‖∇J‖.
    pub fn norm(&self) -> f64 {
        norm(&self.values)
    }
}

/// The Euclidean norm.
pub(crate) fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

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
    pub vectors: std::collections::BTreeMap<String, Vec<f32>>,
    /// Counts, such as the number of updates.
    pub counts: std::collections::BTreeMap<String, u64>,
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
