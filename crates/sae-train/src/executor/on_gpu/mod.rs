//! The fused kernels of `sae-gpu`.

mod brought;
mod reading;

use std::cell::RefCell;

use sae_data::Samples;
use sae_gpu::{Gpu, GpuError, Lines, Model, Status};
use sae_kernels::{Part, RhoHat as Estimate, Setting};
use sae_model::{Figures, flat_parameters};

use self::brought::{Brought, Kept};
use super::setup::{KernelSetup, recalled};
use super::trainable::{KernelConfig, Trainable};
use super::{
    Executor, ExecutorKind, ExecutorState, Gradient, Mean, Settled, Step, TensorName, check_length,
};
use crate::{Batch, FromHost, TrainError, Training};

/// A model inside the kernels for GPUs.
///
/// Steps are not waited for: figures, and what became of each, lie on the device until somebody asks.
///
/// # Panics
///
/// What a device holds cannot be had where it fails: [`Executor::parameters`], [`Executor::last_gradient`],
/// [`Executor::take_mean`] and [`Executor::state`] panic then, as Burn does.
pub struct OnGpu {
    gpu: Gpu,
    model: Model,
    setup: KernelSetup,
    kept: Vec<Kept>,
    /// Of steps whose lines were read.
    mean: Mean,
    settled: Settled,
    read: usize,
    /// The lines of the others, where they were looked at.
    seen: RefCell<Option<Lines>>,
    norm: f64,
    sum: Option<Gradient>,
}

impl OnGpu {
    /// `model`, with the optimizer of `training`.
    ///
    /// # Errors
    ///
    /// Refuses a model that the device has no room for.
    pub fn new<O: Trainable>(
        gpu: &Gpu,
        objective: &O,
        model: &O::Model,
        training: &Training,
    ) -> Result<Self, TrainError>
    where
        O::Batch: FromHost,
    {
        let setup = KernelSetup::new(objective, model, training);
        let mut on_device = match &setup.config {
            KernelConfig::Autoencoder(config) => Model::autoencoder(gpu, config)?,
            KernelConfig::Network(config) => Model::network(gpu, config)?,
        };
        on_device.write(Part::Values, &flat_parameters(model))?;
        Ok(Self {
            gpu: gpu.clone(),
            model: on_device,
            setup,
            kept: vec![],
            mean: Mean::default(),
            settled: Settled::default(),
            read: 0,
            seen: RefCell::new(None),
            norm: 0.0,
            sum: None,
        })
    }

    fn own_gradient(&self) -> Result<Vec<f64>, GpuError> {
        let values = self.model.read(Part::Gradients)?;
        Ok(values.into_iter().map(f64::from).collect())
    }

    /// Takes notice of all steps, so that there is room for others.
    fn take_lines(&mut self) -> Result<(), TrainError> {
        let lines = match self.seen.take() {
            Some(lines) => lines,
            None if self.model.written() == 0 => return Ok(()),
            None => self.model.lines()?,
        };
        self.model.clear(&lines);
        self.mean = self.mean_with(&lines);
        self.settled = self.settled_with(&lines);
        self.read += lines.steps.len();
        if let Some(last) = lines.steps.last() {
            self.norm = last.norm;
        }
        Ok(())
    }

    /// The lines that were not taken; read once.
    fn with_lines<R>(&self, look: impl FnOnce(&Lines) -> R) -> Result<R, GpuError> {
        let mut seen = self.seen.borrow_mut();
        let lines = match seen.take() {
            Some(lines) => lines,
            None => self.model.lines()?,
        };
        let found = look(&lines);
        *seen = Some(lines);
        Ok(found)
    }

    /// A step without an update: its line, its ρ̂, and its gradient inside.
    fn look(&mut self, batch: &Batch<'_>) -> Result<Figures, TrainError> {
        // Its line is then the only one.
        self.take_lines()?;
        let (lines, rho_hat) = self.on_device(batch, |model, inputs, targets, labels| {
            model.step(inputs, targets, labels, None, Estimate::Batch)?;
            let lines = model.lines()?;
            model.clear(&lines);
            Ok((lines, model.rho_hat()?))
        })?;
        self.seen.take();
        let rho_hat = Some(rho_hat).filter(|means| !means.is_empty());
        Ok(self.figures_of(&lines.steps[0], rho_hat))
    }

    /// Calls `work` with a batch on the device.
    fn on_device<R>(
        &mut self,
        batch: &Batch<'_>,
        work: impl FnOnce(
            &mut Model,
            sae_gpu::Batch<'_>,
            Option<sae_gpu::Batch<'_>>,
            &[u32],
        ) -> Result<R, GpuError>,
    ) -> Result<R, TrainError> {
        let (rows, most) = (batch.rows(), self.model.most_rows());
        if rows > most {
            let expected = format!("at most {most}, for which the device has room");
            return Err(Setting::new("batch", rows, expected).into());
        }
        let inputs = Brought::new(&self.gpu, &self.kept, batch.inputs)?;
        let targets = batch
            .targets
            .map(|table| Brought::new(&self.gpu, &self.kept, table));
        let targets = targets.transpose()?;
        let labels = batch.classes.map_or(&[][..], |classes| classes.labels);
        let targets = targets.as_ref().map(Brought::batch);
        Ok(work(&mut self.model, inputs.batch(), targets, labels)?)
    }
}

/// What the device holds, which cannot be had where it fails.
fn had<T>(found: Result<T, GpuError>) -> T {
    found.unwrap_or_else(|error| panic!("{error}"))
}

impl Executor for OnGpu {
    fn tensors(&self) -> &[TensorName] {
        &self.setup.tensors
    }

    fn parameters(&self) -> Vec<f32> {
        had(self.model.read(Part::Values))
    }

    fn set_parameters(&mut self, parameters: &[f32]) -> Result<(), TrainError> {
        Ok(self.model.write(Part::Values, parameters)?)
    }

    fn keep(&mut self, samples: &Samples) -> Result<(), TrainError> {
        self.kept.extend(Kept::new(&self.gpu, samples)?);
        Ok(())
    }

    fn hidden(&self) -> usize {
        self.model.hidden()
    }

    fn part_size(&self) -> usize {
        self.model.most_rows()
    }

    fn forward(
        &mut self,
        part: &Batch<'_>,
        rows: usize,
        activity: &mut [f64],
    ) -> Result<(), TrainError> {
        self.on_device(part, |model, inputs, _, _| {
            model.forward(inputs, rows, activity)
        })
    }

    fn backward(
        &mut self,
        part: &Batch<'_>,
        rows: usize,
        activity: &[f64],
    ) -> Result<(), TrainError> {
        self.take_lines()?;
        let (line, values) = self.on_device(part, |model, inputs, targets, labels| {
            model.backward(inputs, targets, labels, rows, activity)
        })?;
        self.seen.take();
        let share = part.rows() as f64 / rows as f64;
        let means = activity.iter().map(|mean| mean * share);
        let rho_hat = (!activity.is_empty()).then(|| means.collect());
        let figures = self.figures_of(&line, rho_hat);
        let values = values.into_iter().map(f64::from).collect();
        let sum = self.sum.get_or_insert_default();
        sum.add(&Gradient { figures, values });
        Ok(())
    }

    fn gradient(&mut self, whole: &Batch<'_>) -> Result<Gradient, TrainError> {
        Ok(Gradient {
            figures: self.look(whole)?,
            values: self.own_gradient()?,
        })
    }

    fn finish(&mut self) -> Result<Gradient, TrainError> {
        self.sum.take().ok_or(TrainError::NothingAddedUp)
    }

    fn update(&mut self, gradient: &[f64], learning_rate: f64) -> Result<Step, TrainError> {
        let single: Vec<f32> = gradient.iter().map(|&g| g as f32).collect();
        self.update_single(&single, learning_rate)
    }

    fn update_single(&mut self, gradient: &[f32], learning_rate: f64) -> Result<Step, TrainError> {
        let update = self.setup.update(learning_rate)?;
        self.take_lines()?;
        let line = self.model.update(gradient, update)?;
        self.seen.take();
        Ok(match line.status {
            Status::Taken => Step::Taken,
            Status::Clipped => Step::Clipped,
            Status::Refused => Step::Refused,
        })
    }

    fn step(&mut self, batch: &Batch<'_>, learning_rate: f64) -> Result<Step, TrainError> {
        let update = self.setup.update(learning_rate)?;
        let estimate = self.setup.estimate;
        if !self.model.has_room() {
            self.take_lines()?;
        }
        // A step that was refused forbids those after it, also when its line was taken.
        if self.settled.refused.is_none() {
            self.seen.take();
            self.on_device(batch, |model, inputs, targets, labels| {
                model.step(inputs, targets, labels, Some(update), estimate)
            })?;
        }
        Ok(Step::Pending)
    }

    fn last_gradient(&self) -> Vec<f64> {
        had(self.own_gradient())
    }

    fn last_norm(&self) -> f64 {
        had(self.with_lines(|lines| lines.steps.last().map_or(self.norm, |line| line.norm)))
    }

    fn works_alone(&self) -> bool {
        true
    }

    fn settled(&self) -> Result<Settled, TrainError> {
        Ok(self.with_lines(|lines| self.settled_with(lines))?)
    }

    fn take_mean(&mut self) -> Figures {
        let mut mean = had(self.with_lines(|lines| self.whole_mean(lines)));
        if let Err(error) = self.take_lines() {
            panic!("{error}");
        }
        self.model.set_sums(&[]);
        (self.mean, self.settled, self.read) = (Mean::default(), Settled::default(), 0);
        mean.take()
    }

    fn figures(&mut self, batch: &Batch<'_>) -> Result<Figures, TrainError> {
        self.look(batch)
    }

    fn set_rho_hat(&mut self, rho_hat: &[f64]) -> Result<(), TrainError> {
        check_length("the estimate of rho_hat", rho_hat.len(), self.hidden())?;
        self.take_lines()?;
        Ok(self.model.set_estimate(rho_hat)?)
    }

    fn state(&self) -> ExecutorState {
        ExecutorState {
            executor: ExecutorKind::Gpu,
            method: self.setup.optimizer,
            parameters: self.parameters(),
            optimizer: self
                .setup
                .remembered(self.model.updates(), |part| had(self.model.read(part))),
            rho_hat: had(self.model.estimate()),
            mean: had(self.with_lines(|lines| self.whole_mean(lines))),
        }
    }

    fn restore(&mut self, state: &ExecutorState) -> Result<(), TrainError> {
        state.check(
            ExecutorKind::Gpu,
            self.setup.optimizer,
            self.model.parameters(),
        )?;
        // What was added up, and what became of steps, belongs to another point.
        let lines = self.model.lines()?;
        self.model.clear(&lines);
        (self.settled, self.read, self.sum) = (Settled::default(), 0, None);
        self.seen.take();
        let updates = recalled(state, |part, moments| {
            Ok(self.model.write(part, moments)?)
        })?;
        self.model.set_updates(updates);
        self.set_parameters(&state.parameters)?;
        self.model.forget_estimate();
        if let Some(rho_hat) = &state.rho_hat {
            self.set_rho_hat(rho_hat)?;
        }
        self.mean = state.mean.clone();
        let sums = self.mean.sum.rho_hat.take();
        self.model.set_sums(&sums.unwrap_or_default());
        Ok(())
    }
}
