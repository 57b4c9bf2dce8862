//! Which executor runs, and why not a faster one.

use burn::tensor::Device;
use sae_kernels::{
    Autoencoder, AutoencoderConfig, InstructionSet, Network, NetworkConfig, Part, Setting,
};
use sae_model::{
    CrossEntropy, DeepNetwork, DeltaRule, Dense, FineTuning, GradientRule, RHO_HAT_EPSILON,
    Softmax, SparseAutoencoder, SparseObjective, flat_parameters,
};
use serde::{Deserialize, Serialize};

use super::kernel::Kernel;
use super::{Executor, ExecutorKind, FusedKernels, OnBurn, TensorName};
use crate::{FromHost, Group, TrainError, Training};

/// Whether the fused kernels are used: the key `fused`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fused {
    /// Wherever they cover the settings.
    #[default]
    Auto,
    /// Or the run is refused.
    Always,
    /// Burn's operations instead.
    Never,
}

/// With what a run computes.
#[derive(Debug, Clone)]
pub struct Compute {
    /// Burn's device, without autodiff.
    pub device: Device,
    /// What is in the way of the kernels, for example `backend = "wgpu"`; nothing where the device
    /// is the CPU that they run on.
    pub elsewhere: Option<String>,
    /// How gradients are computed.
    pub gradient: GradientRule,
    /// Whether the kernels are wanted.
    pub fused: Fused,
    /// Threads of the kernels, at least 1.
    pub threads: usize,
    /// The instruction set of the kernels; nothing for the best that there is.
    pub instruction_set: Option<InstructionSet>,
    /// Who computes together.
    pub group: Group,
}

/// Which executor was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// It.
    pub executor: ExecutorKind,
    /// The setting that is in the way of a faster one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub obstacle: Option<String>,
}

impl Compute {
    /// The CPU through Burn's flex backend and the kernels, with the default rule.
    pub fn on_cpu(device: Device, threads: usize) -> Self {
        Self {
            device,
            elsewhere: None,
            gradient: GradientRule::Delta,
            fused: Fused::Auto,
            threads,
            instruction_set: None,
            group: Group::default(),
        }
    }

    /// The executor of these settings, the same for every model of a run.
    ///
    /// # Errors
    ///
    /// Refuses `fused = "always"` where something is in the way.
    pub fn choose(&self) -> Result<Choice, Setting> {
        let obstacle = match (&self.elsewhere, self.gradient, self.fused) {
            (_, GradientRule::Autodiff, _) => Some("gradient = \"autodiff\"".to_owned()),
            (Some(elsewhere), ..) => Some(elsewhere.clone()),
            (.., Fused::Never) => Some("fused = \"never\"".to_owned()),
            _ => None,
        };
        match (obstacle, self.gradient) {
            (Some(obstacle), _) if self.fused == Fused::Always => Err(Setting::new(
                "fused",
                format!("\"always\" with {obstacle}"),
                "gradient = \"delta\" and backend = \"flex\" with it, or fused = \"auto\"",
            )),
            (Some(obstacle), GradientRule::Autodiff) => Ok(Choice {
                executor: ExecutorKind::Autodiff,
                obstacle: Some(obstacle),
            }),
            (Some(obstacle), GradientRule::Delta) => Ok(Choice {
                executor: ExecutorKind::Delta,
                obstacle: Some(obstacle),
            }),
            (None, _) => Ok(Choice {
                executor: ExecutorKind::Fused,
                obstacle: None,
            }),
        }
    }
}

/// An objective that every executor can train.
pub trait Trainable: DeltaRule + Clone + 'static
where
    Self::Batch: FromHost,
{
    /// Number of hidden units of `model` whose mean activity the objective depends on.
    fn sparse_units(&self, model: &Self::Model) -> usize;

    /// Model and objective inside the kernels, with the model's parameters.
    ///
    /// # Errors
    ///
    /// Refuses threads or an instruction set that this machine does not have.
    fn kernel(&self, model: &Self::Model, compute: &Compute) -> Result<Kernel, TrainError>;
}

/// The executor that `compute` asks for, with `model` in it.
///
/// # Errors
///
/// As [`Compute::choose`] and [`Trainable::kernel`].
pub fn executor<O: Trainable>(
    objective: &O,
    model: O::Model,
    training: &Training,
    compute: &Compute,
) -> Result<Box<dyn Executor>, TrainError>
where
    O::Batch: FromHost,
    O::Model: 'static,
{
    let hidden = objective.sparse_units(&model);
    let (objective_of, device) = (objective.clone(), &compute.device);
    Ok(match compute.choose()?.executor {
        ExecutorKind::Fused => {
            let kernel = objective.kernel(&model, compute)?;
            let tensors = TensorName::all(&model);
            let terms = objective.terms();
            Box::new(FusedKernels::new(kernel, tensors, terms, training))
        }
        ExecutorKind::Delta => {
            Box::new(OnBurn::delta(objective_of, model, hidden, training, device))
        }
        ExecutorKind::Autodiff => Box::new(OnBurn::autodiff(
            objective_of,
            model,
            hidden,
            training,
            device,
        )),
    })
}

impl Trainable for SparseObjective {
    fn sparse_units(&self, model: &SparseAutoencoder) -> usize {
        match self.beta() > 0.0 {
            true => model.hidden(),
            false => 0,
        }
    }

    fn kernel(&self, model: &SparseAutoencoder, compute: &Compute) -> Result<Kernel, TrainError> {
        let kind = model.architecture();
        let config = AutoencoderConfig {
            inputs: model.inputs(),
            hidden: model.hidden(),
            encoder: kind.activation(),
            decoder: kind.decoder,
            reconstruction: self.reconstruction(),
            tied: kind.tied,
            weight_decay: self.weight_decay(),
            beta: self.beta(),
            rho: self.rho(),
            l1: self.l1(),
            clamp: RHO_HAT_EPSILON,
        };
        let mut kernel = Autoencoder::new(config, compute.threads)?;
        if let Some(set) = compute.instruction_set {
            kernel = kernel.with_instruction_set(set)?;
        }
        let mut kernel = Kernel::Autoencoder(Box::new(kernel));
        kernel.write(Part::Values, &flat_parameters(model))?;
        Ok(kernel)
    }
}

impl Trainable for CrossEntropy {
    fn sparse_units(&self, _: &Softmax) -> usize {
        0
    }

    fn kernel(&self, head: &Softmax, compute: &Compute) -> Result<Kernel, TrainError> {
        let parameters = flat_parameters(head);
        network_kernel(&[], head, self.weight_decay(), &parameters, compute)
    }
}

impl Trainable for FineTuning {
    fn sparse_units(&self, _: &DeepNetwork) -> usize {
        0
    }

    fn kernel(&self, network: &DeepNetwork, compute: &Compute) -> Result<Kernel, TrainError> {
        let parameters = flat_parameters(network);
        let (encoders, head) = (&network.encoders, &network.head);
        network_kernel(encoders, head, self.weight_decay(), &parameters, compute)
    }
}

fn network_kernel(
    encoders: &[Dense],
    head: &Softmax,
    weight_decay: f64,
    parameters: &[f32],
    compute: &Compute,
) -> Result<Kernel, TrainError> {
    let layers = encoders.iter().chain([&head.output]);
    let mut sizes: Vec<usize> = layers.map(Dense::inputs).collect();
    sizes.push(head.output.outputs());
    let config = NetworkConfig {
        sizes,
        units: encoders.iter().map(|encoder| encoder.activation).collect(),
        weight_decay,
    };
    let mut kernel = Network::new(config, compute.threads)?;
    if let Some(set) = compute.instruction_set {
        kernel = kernel.with_instruction_set(set)?;
    }
    let mut kernel = Kernel::Network(Box::new(kernel));
    kernel.write(Part::Values, parameters)?;
    Ok(kernel)
}
