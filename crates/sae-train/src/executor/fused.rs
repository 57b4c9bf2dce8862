//! The fused kernels of `sae-kernels`.

use sae_kernels::{InstructionSet, KernelError, Part, RhoHat as Estimate, Update};
use sae_model::{Figures, flat_parameters};

use super::kernel::Kernel;
use super::setup::{KernelSetup, recalled};
use super::trainable::Trainable;
use super::{
    Executor, ExecutorKind, ExecutorState, Gradient, Mean, Step, TensorName, check_length,
};
use crate::{Batch, FromHost, TrainError, Training};

/// A model inside the kernels, on the CPU.
pub struct FusedKernels {
    kernel: Kernel,
    setup: KernelSetup,
    mean: Mean,
    /// Whether a gradient is being added up.
    adding: bool,
}

impl FusedKernels {
    /// `model`, with the optimizer of `training`, computed by `threads` threads with an instruction set; nothing
    /// for the best that there is.
    ///
    /// # Errors
    ///
    /// Refuses threads or an instruction set that this machine does not have.
    pub fn new<O: Trainable>(
        objective: &O,
        model: &O::Model,
        training: &Training,
        threads: usize,
        set: Option<InstructionSet>,
    ) -> Result<Self, TrainError>
    where
        O::Batch: FromHost,
    {
        let setup = KernelSetup::new(objective, model, training);
        Ok(Self {
            kernel: Kernel::new(&setup.config, &flat_parameters(model), threads, set)?,
            setup,
            mean: Mean::default(),
            adding: false,
        })
    }

    /// What became of an update.
    fn outcome(&self, moved: Result<(), TrainError>) -> Result<Step, TrainError> {
        match moved {
            Ok(()) if self.kernel.clipped() => Ok(Step::Clipped),
            Ok(()) => Ok(Step::Taken),
            Err(TrainError::Kernel(KernelError::NotFinite)) => Ok(Step::Refused),
            Err(other) => Err(other),
        }
    }

    fn step_with(
        &mut self,
        batch: &Batch<'_>,
        update: Option<Update>,
        estimate: Estimate,
    ) -> Result<Figures, TrainError> {
        let inputs = batch.inputs.rows()?;
        // The kernels forget a sum that was not finished.
        self.adding = false;
        match &mut self.kernel {
            Kernel::Autoencoder(kernel) => {
                let targets = batch.targets.map(|targets| targets.rows()).transpose()?;
                let value = kernel.step(inputs, targets, update, estimate)?;
                Ok(self.setup.autoencoder_figures(value))
            }
            Kernel::Network(kernel) => {
                let labels = batch.classes.map_or(&[][..], |classes| classes.labels);
                let value = kernel.step(inputs, labels, update)?;
                Ok(self.setup.network_figures(value))
            }
        }
    }

    /// Ends a sum of gradients, which then lies in the kernel.
    fn end_sum(&mut self) -> Result<Figures, TrainError> {
        if !std::mem::take(&mut self.adding) {
            return Err(TrainError::NothingAddedUp);
        }
        Ok(match &mut self.kernel {
            Kernel::Autoencoder(kernel) => self.setup.autoencoder_figures(&kernel.finish()),
            Kernel::Network(kernel) => self.setup.network_figures(&kernel.finish()),
        })
    }
}

impl Executor for FusedKernels {
    fn tensors(&self) -> &[TensorName] {
        &self.setup.tensors
    }

    fn parameters(&self) -> Vec<f32> {
        self.kernel.read(Part::Values)
    }

    fn set_parameters(&mut self, parameters: &[f32]) -> Result<(), TrainError> {
        self.kernel.write(Part::Values, parameters)
    }

    fn hidden(&self) -> usize {
        self.setup.hidden()
    }

    /// The kernels take any number of rows through in their own chunks.
    fn part_size(&self) -> usize {
        usize::MAX
    }

    fn forward(
        &mut self,
        part: &Batch<'_>,
        rows: usize,
        activity: &mut [f64],
    ) -> Result<(), TrainError> {
        match &mut self.kernel {
            Kernel::Autoencoder(kernel) => {
                Ok(kernel.forward(part.inputs.rows()?, rows, activity)?)
            }
            Kernel::Network(_) => Ok(()),
        }
    }

    fn backward(
        &mut self,
        part: &Batch<'_>,
        rows: usize,
        activity: &[f64],
    ) -> Result<(), TrainError> {
        let inputs = part.inputs.rows()?;
        match &mut self.kernel {
            Kernel::Autoencoder(kernel) => {
                let targets = part.targets.map(|targets| targets.rows()).transpose()?;
                kernel.backward(inputs, targets, rows, activity)?;
            }
            Kernel::Network(kernel) => {
                let labels = part.classes.map_or(&[][..], |classes| classes.labels);
                kernel.backward(inputs, labels, rows)?;
            }
        }
        self.adding = true;
        Ok(())
    }

    /// Codes are kept between the passes.
    fn gradient(&mut self, whole: &Batch<'_>) -> Result<Gradient, TrainError> {
        Ok(Gradient {
            figures: self.step_with(whole, None, Estimate::Batch)?,
            values: self.kernel.gradient(),
        })
    }

    fn finish(&mut self) -> Result<Gradient, TrainError> {
        Ok(Gradient {
            figures: self.end_sum()?,
            values: self.kernel.gradient(),
        })
    }

    fn finish_single(&mut self) -> Result<(Figures, Vec<f32>), TrainError> {
        Ok((self.end_sum()?, self.kernel.read(Part::Gradients)))
    }

    fn update(&mut self, gradient: &[f64], learning_rate: f64) -> Result<Step, TrainError> {
        let single: Vec<f32> = gradient.iter().map(|&g| g as f32).collect();
        self.update_single(&single, learning_rate)
    }

    fn update_single(&mut self, gradient: &[f32], learning_rate: f64) -> Result<Step, TrainError> {
        let update = self.setup.update(learning_rate)?;
        self.kernel.write(Part::Gradients, gradient)?;
        let moved = match &mut self.kernel {
            Kernel::Autoencoder(kernel) => kernel.update(update),
            Kernel::Network(kernel) => kernel.update(update),
        };
        self.outcome(moved.map_err(TrainError::from))
    }

    fn step(&mut self, batch: &Batch<'_>, learning_rate: f64) -> Result<Step, TrainError> {
        let update = self.setup.update(learning_rate)?;
        let figures = self.step_with(batch, Some(update), self.setup.estimate);
        let moved = figures.map(|figures| self.mean.add(&figures, batch.rows()));
        self.outcome(moved)
    }

    fn last_gradient(&self) -> Vec<f64> {
        self.kernel.gradient()
    }

    fn take_mean(&mut self) -> Figures {
        self.mean.take()
    }

    fn figures(&mut self, batch: &Batch<'_>) -> Result<Figures, TrainError> {
        self.step_with(batch, None, Estimate::Batch)
    }

    fn set_rho_hat(&mut self, rho_hat: &[f64]) -> Result<(), TrainError> {
        check_length("the estimate of rho_hat", rho_hat.len(), self.hidden())?;
        if let Kernel::Autoencoder(kernel) = &mut self.kernel {
            kernel.set_estimate(rho_hat)?;
        }
        Ok(())
    }

    fn state(&self) -> ExecutorState {
        ExecutorState {
            executor: ExecutorKind::Fused,
            method: self.setup.optimizer,
            parameters: self.parameters(),
            optimizer: self
                .setup
                .remembered(self.kernel.updates(), |part| self.kernel.read(part)),
            rho_hat: match &self.kernel {
                Kernel::Autoencoder(kernel) => kernel.estimate().map(<[f64]>::to_vec),
                Kernel::Network(_) => None,
            },
            mean: self.mean.clone(),
        }
    }

    fn restore(&mut self, state: &ExecutorState) -> Result<(), TrainError> {
        state.check(
            ExecutorKind::Fused,
            self.setup.optimizer,
            self.kernel.count(),
        )?;
        if self.adding {
            // What was added up before belongs to another point.
            self.finish()?;
        }
        let updates = recalled(state, |part, moments| self.kernel.write(part, moments))?;
        self.kernel.set_updates(updates);
        self.set_parameters(&state.parameters)?;
        if let Kernel::Autoencoder(kernel) = &mut self.kernel {
            kernel.forget_estimate();
        }
        if let Some(rho_hat) = &state.rho_hat {
            self.set_rho_hat(rho_hat)?;
        }
        self.mean = state.mean.clone();
        Ok(())
    }
}
