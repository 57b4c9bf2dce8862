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
#[cfg(feature = "gpu")]
mod on_gpu;
mod per_parameter;
mod setup;
mod state;
mod trainable;

use burn::module::Module;
use sae_data::Samples;
use sae_model::{Figures, NamedParameter, named_parameters};
use serde::{Deserialize, Serialize};

pub use choice::{Choice, Compute, Fused, executor};
pub use fused::FusedKernels;
pub use kind::ExecutorKind;
pub use on_burn::OnBurn;
#[cfg(feature = "gpu")]
pub use on_gpu::OnGpu;
pub(crate) use state::check_length;
pub use state::{ExecutorState, Mean, OptimizerState};
pub use trainable::{KernelConfig, Trainable};

use crate::{Batch, TrainError};

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

    /// Says that batches will be rows of `samples`, which stay where and as they are for as long as the
    /// executor is used: a device may keep a copy of them, beside others.
    ///
    /// # Errors
    ///
    /// Fails where the device does.
    fn keep(&mut self, samples: &Samples) -> Result<(), TrainError> {
        let _ = samples;
        Ok(())
    }

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

    /// ‖∇J‖ of the batch of the last [`Executor::step`], before its update.
    fn last_norm(&self) -> f64 {
        norm(&self.last_gradient())
    }

    /// Whether the device works on its own, so that every [`Executor::step`] is [`Step::Pending`].
    fn works_alone(&self) -> bool {
        false
    }

    /// What became of the pending steps since the mean was last taken, or a state put back, and of the parameters.
    /// Waits for the device.
    ///
    /// # Errors
    ///
    /// Fails where the device does.
    fn settled(&self) -> Result<Settled, TrainError> {
        Ok(Settled {
            finite: self.parameters().iter().all(|value| value.is_finite()),
            ..Settled::default()
        })
    }

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
    /// Nobody knows yet: [`Executor::settled`] tells. Once one of such steps is refused nothing is changed by
    /// those after it, until that was asked and the mean taken, or a state put back.
    Pending,
}

/// What became of steps that were pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// How many moved the parameters by a gradient that was shortened.
    pub clipped: usize,
    /// The first that was refused, from 0.
    pub refused: Option<usize>,
    /// Whether all parameters are finite numbers now.
    pub finite: bool,
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
