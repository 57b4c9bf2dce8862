//! Which executor runs, and why not a faster one.

use burn::tensor::Device;
use sae_gpu::Gpu;
use sae_kernels::{InstructionSet, Setting};
use sae_model::GradientRule;
use serde::{Deserialize, Serialize};

#[cfg(feature = "gpu")]
use super::on_gpu::OnGpu;
use super::trainable::Trainable;
use super::{Executor, ExecutorKind, FusedKernels, OnBurn};
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
    /// What is in the way of the kernels, for example `backend = "ndarray"`; nothing where the device
    /// is a CPU or GPU that they run on.
    pub elsewhere: Option<String>,
    /// The GPU whose kernels are meant; nothing for those of the CPU.
    pub gpu: Option<Gpu>,
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
            gpu: None,
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
                "gradient = \"delta\" and backend = \"flex\", \"wgpu\" or \"cuda\" with it, or fused = \"auto\"",
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
                executor: match self.gpu {
                    None => ExecutorKind::Fused,
                    Some(_) => ExecutorKind::Gpu,
                },
                obstacle: None,
            }),
        }
    }
}

/// The executor that `compute` asks for, with `model` in it.
///
/// # Errors
///
/// As [`Compute::choose`]; refuses threads or an instruction set that this machine does not have, and a model that
/// the GPU has no room for.
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
            let (threads, set) = (compute.threads, compute.instruction_set);
            let executor = FusedKernels::new(objective, &model, training, threads, set)?;
            Box::new(executor)
        }
        ExecutorKind::Gpu => on_gpu(objective, &model, training, compute)?,
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

#[cfg(feature = "gpu")]
fn on_gpu<O: Trainable>(
    objective: &O,
    model: &O::Model,
    training: &Training,
    compute: &Compute,
) -> Result<Box<dyn Executor>, TrainError>
where
    O::Batch: FromHost,
{
    let Some(gpu) = &compute.gpu else {
        return Err(Setting::new("backend", "no GPU", "one that is open").into());
    };
    Ok(Box::new(OnGpu::new(gpu, objective, model, training)?))
}

#[cfg(not(feature = "gpu"))]
fn on_gpu<O: Trainable>(
    _: &O,
    _: &O::Model,
    _: &Training,
    compute: &Compute,
) -> Result<Box<dyn Executor>, TrainError>
where
    O::Batch: FromHost,
{
    match compute.gpu {
        Some(ref none) => match *none {},
        None => Err(Setting::new("backend", "no GPU", "one that is open").into()),
    }
}
