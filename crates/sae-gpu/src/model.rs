//! A model on the device: its parameters, and what a step of it needs.

use sae_kernels::{AutoencoderConfig, NetworkConfig, Part};

use crate::device::{Buffer, Gpu};
use crate::error::{GpuError, count};
use crate::kernels::ledger::{FIRST, LINE, MOST_LINES, lines};
use crate::plan::Plan;
use crate::shape::Shape;
use crate::work::Work;

/// A sparse autoencoder, or a network with a softmax head, with all the memory on the device that its training
/// needs.
///
/// Parameters lie in the flat order of [`sae_kernels::Autoencoder`] and [`sae_kernels::Network`].
///
/// A step is a handful of launches, and nothing waits for it: what became of it is written down on the device, one
/// line a step, which [`Model::lines`] reads all at once. A step whose J, gradient or parameters are not
/// finite changes nothing, and neither does any step after it until then.
pub struct Model {
    pub(crate) gpu: Gpu,
    pub(crate) shape: Shape,
    pub(crate) plan: Plan,
    pub(crate) values: Buffer,
    pub(crate) gradients: Buffer,
    pub(crate) first: Buffer,
    pub(crate) second: Buffer,
    pub(crate) squares: Buffer,
    pub(crate) means: Buffer,
    pub(crate) ledger: Buffer,
    pub(crate) nothing: Buffer,
    pub(crate) work: Work,
    pub(crate) updates: u64,
    pub(crate) has_estimate: bool,
    pub(crate) written: Vec<Written>,
}

/// A step that was written down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// Its samples.
    pub rows: usize,
    /// Whether it was to move the parameters.
    pub updates: bool,
    /// Whether there was an estimate of ρ̂ before it.
    pub had_estimate: bool,
}

impl Model {
    /// An autoencoder whose parameters are all 0.
    ///
    /// # Errors
    ///
    /// Refuses what [`AutoencoderConfig::check`] refuses, and a model that the device has no room for.
    pub fn autoencoder(gpu: &Gpu, config: &AutoencoderConfig) -> Result<Self, GpuError> {
        config.check()?;
        Self::new(gpu, Shape::of_autoencoder(config, gpu))
    }

    /// A network, or a softmax head alone, whose parameters are all 0.
    ///
    /// # Errors
    ///
    /// Refuses what [`NetworkConfig::check`] refuses, and a model that the device has no room for.
    pub fn network(gpu: &Gpu, config: &NetworkConfig) -> Result<Self, GpuError> {
        config.check()?;
        Self::new(gpu, Shape::of_network(config, gpu))
    }

    fn new(gpu: &Gpu, shape: Shape) -> Result<Self, GpuError> {
        let plan = Plan::new(gpu, &shape)?;
        let (parameters, hidden) = (shape.parameters, shape.hidden());
        Ok(Self {
            values: gpu.zeros(parameters),
            gradients: gpu.zeros(parameters),
            first: gpu.zeros(parameters),
            second: gpu.zeros(parameters),
            squares: gpu.zeros(plan.squares()),
            means: gpu.zeros(2 * hidden),
            ledger: gpu.zeros(lines(hidden) + (FIRST + MOST_LINES) * LINE),
            nothing: gpu.zeros(1),
            work: Work::new(gpu, &shape, 1),
            updates: 0,
            has_estimate: false,
            written: vec![],
            gpu: gpu.clone(),
            shape,
            plan,
        })
    }

    /// Number of parameters.
    pub fn parameters(&self) -> usize {
        self.shape.parameters
    }

    /// Hidden units with a ρ̂; 0 of a network.
    pub fn hidden(&self) -> usize {
        self.shape.hidden()
    }

    /// Samples that a batch may have at most.
    pub fn most_rows(&self) -> usize {
        self.plan.most_rows
    }

    fn buffer(&self, part: Part) -> &Buffer {
        match part {
            Part::Values => &self.values,
            Part::Gradients => &self.gradients,
            Part::First => &self.first,
            Part::Second => &self.second,
        }
    }

    /// Reads a part of the state, in flat order.
    ///
    /// # Errors
    ///
    /// Fails where the device does.
    pub fn read(&self, part: Part) -> Result<Vec<f32>, GpuError> {
        self.gpu.read(self.buffer(part))
    }

    /// Replaces a part of the state, in flat order.
    ///
    /// # Errors
    ///
    /// Refuses another number of values.
    pub fn write(&mut self, part: Part, values: &[f32]) -> Result<(), GpuError> {
        count("values", values.len(), self.shape.parameters)?;
        self.gpu.write(self.buffer(part), values);
        Ok(())
    }

    /// How many updates there were, those after the last look at the lines taken for good.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Sets how many there were.
    pub fn set_updates(&mut self, updates: u64) {
        self.updates = updates;
    }

    /// The estimate of ρ̂, `[hidden]`, where there is one.
    ///
    /// # Errors
    ///
    /// Fails where the device does.
    pub fn estimate(&self) -> Result<Option<Vec<f64>>, GpuError> {
        if !self.has_estimate {
            return Ok(None);
        }
        let means = self.gpu.read(&self.means)?;
        let own = &means[self.hidden()..2 * self.hidden()];
        Ok(Some(own.iter().map(|&mean| mean.into()).collect()))
    }

    /// The ρ̂ of the last step, or other pass, `[hidden]`.
    ///
    /// # Errors
    ///
    /// Fails where the device does.
    pub fn rho_hat(&self) -> Result<Vec<f64>, GpuError> {
        let means = self.gpu.read(&self.means)?;
        let own = means.iter().take(self.hidden());
        Ok(own.map(|&mean| mean.into()).collect())
    }

    /// Forgets the estimate of ρ̂: the next step that wants one begins with its own.
    pub fn forget_estimate(&mut self) {
        self.has_estimate = false;
    }

    /// Sets the estimate of ρ̂, `[hidden]`. What [`Model::rho_hat`] gave is gone then.
    ///
    /// # Errors
    ///
    /// Refuses a slice that is longer or shorter.
    pub fn set_estimate(&mut self, estimate: &[f64]) -> Result<(), GpuError> {
        count("activities", estimate.len(), self.hidden())?;
        let mut means = vec![0.0; self.hidden()];
        means.extend(estimate.iter().map(|&mean| mean as f32));
        self.gpu.write(&self.means, &means);
        self.has_estimate = true;
        Ok(())
    }
}
