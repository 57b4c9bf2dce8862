//! The kernels of any kind of model, and what they do alike.

use sae_kernels::{
    Autoencoder, AutoencoderValue, InstructionSet, Network, NetworkValue, Part, RhoHat as Estimate,
};
use sae_model::{Figures, Reconstruction, term};

use super::trainable::KernelConfig;
use super::{ExecutorState, OptimizerState};
use crate::{Optimizer, RhoHat, TrainError, Training};

/// The kernels of one kind of model.
pub enum Kernel {
    /// Of an autoencoder.
    Autoencoder(Box<Autoencoder>),
    /// Of a network, or of a head alone.
    Network(Box<Network>),
}

impl Kernel {
    pub(super) fn new(
        config: KernelConfig,
        parameters: &[f32],
        threads: usize,
        set: Option<InstructionSet>,
    ) -> Result<Self, TrainError> {
        let mut kernel = match config {
            KernelConfig::Autoencoder(config) => {
                let mut kernel = Autoencoder::new(config, threads)?;
                if let Some(set) = set {
                    kernel = kernel.with_instruction_set(set)?;
                }
                Self::Autoencoder(Box::new(kernel))
            }
            KernelConfig::Network(config) => {
                let mut kernel = Network::new(config, threads)?;
                if let Some(set) = set {
                    kernel = kernel.with_instruction_set(set)?;
                }
                Self::Network(Box::new(kernel))
            }
        };
        kernel.write(Part::Values, parameters)?;
        Ok(kernel)
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Self::Autoencoder(kernel) => kernel.parameters(),
            Self::Network(kernel) => kernel.parameters(),
        }
    }

    pub(super) fn read(&self, part: Part) -> Vec<f32> {
        let mut values = vec![0.0; self.count()];
        let read = match self {
            Self::Autoencoder(kernel) => kernel.read(part, &mut values),
            Self::Network(kernel) => kernel.read(part, &mut values),
        };
        debug_assert!(read.is_ok(), "the length is the kernel's own");
        values
    }

    pub(crate) fn write(&mut self, part: Part, values: &[f32]) -> Result<(), TrainError> {
        Ok(match self {
            Self::Autoencoder(kernel) => kernel.write(part, values),
            Self::Network(kernel) => kernel.write(part, values),
        }?)
    }

    /// The gradient that is kept inside.
    pub(super) fn gradient(&self) -> Vec<f64> {
        let values = self.read(Part::Gradients);
        values.into_iter().map(f64::from).collect()
    }

    pub(super) fn clipped(&self) -> bool {
        match self {
            Self::Autoencoder(kernel) => kernel.clipped(),
            Self::Network(kernel) => kernel.clipped(),
        }
    }

    pub(super) fn updates(&self) -> u64 {
        match self {
            Self::Autoencoder(kernel) => kernel.updates(),
            Self::Network(kernel) => kernel.updates(),
        }
    }

    pub(super) fn set_updates(&mut self, updates: u64) {
        match self {
            Self::Autoencoder(kernel) => kernel.set_updates(updates),
            Self::Network(kernel) => kernel.set_updates(updates),
        }
    }
}

/// The parts of the kernels' state that an optimizer may have.
const MOMENTS: [(&str, Part); 2] = [("first", Part::First), ("second", Part::Second)];
const UPDATES: &str = "updates";

/// Whether one of the kernels' vectors is ever anything but zero.
fn uses(optimizer: Optimizer, part: Part) -> bool {
    matches!(
        (part, optimizer),
        (_, Optimizer::Adam | Optimizer::AdamW | Optimizer::RmsProp)
            | (Part::First, Optimizer::Sgd)
    )
}

/// Which ρ̂ steps use.
pub(super) fn estimate_of(training: &Training, sparse: bool) -> Estimate {
    match training.rho_hat {
        RhoHat::Running if sparse => Estimate::Running(training.rho_hat_decay),
        RhoHat::Full if sparse => Estimate::Given,
        RhoHat::Batch | RhoHat::Running | RhoHat::Full => Estimate::Batch,
    }
}

/// The kernels' optimizer; nothing for a line search.
pub(super) fn in_kernels(training: &Training) -> Option<sae_kernels::Optimizer> {
    let adam = |weight_decay: f64| sae_kernels::Optimizer::Adam {
        beta1: training.beta1 as f32,
        beta2: training.beta2 as f32,
        epsilon: training.epsilon as f32,
        weight_decay: weight_decay as f32,
    };
    match training.optimizer {
        Optimizer::Sgd => Some(sae_kernels::Optimizer::Sgd {
            momentum: training.momentum as f32,
            nesterov: training.nesterov,
        }),
        Optimizer::Adam => Some(adam(0.0)),
        Optimizer::AdamW => Some(adam(training.decoupled_weight_decay)),
        Optimizer::RmsProp => Some(sae_kernels::Optimizer::RmsProp {
            decay: training.alpha as f32,
            momentum: training.momentum as f32,
            epsilon: training.epsilon as f32,
        }),
        Optimizer::Lbfgs | Optimizer::Cg => None,
    }
}

/// What an optimizer of the kernels remembers.
pub(super) fn remembered(
    optimizer: Optimizer,
    updates: u64,
    read: impl Fn(Part) -> Vec<f32>,
) -> OptimizerState {
    let used = MOMENTS
        .into_iter()
        .filter(|&(_, part)| uses(optimizer, part));
    OptimizerState {
        vectors: used
            .map(|(name, part)| (name.to_owned(), read(part)))
            .collect(),
        counts: [(UPDATES.to_owned(), updates)].into(),
    }
}

/// Puts it back, nothing being zeros, and says how many updates there were.
pub(super) fn recalled(
    state: &ExecutorState,
    mut write: impl FnMut(Part, &[f32]) -> Result<(), TrainError>,
) -> Result<u64, TrainError> {
    let begun = Some(&state.optimizer).filter(|memory| !memory.is_empty());
    let nothing = vec![0.0; state.parameters.len()];
    for (name, part) in MOMENTS {
        if uses(state.method, part) {
            let moments = begun.map_or(Ok(&nothing[..]), |memory| memory.vector(name))?;
            write(part, moments)?;
        }
    }
    begun.map_or(Ok(0), |memory| memory.count(UPDATES))
}

impl OptimizerState {
    fn vector(&self, name: &'static str) -> Result<&[f32], TrainError> {
        let found = self.vectors.get(name).map(Vec::as_slice);
        found.ok_or_else(|| missing(name))
    }

    fn count(&self, name: &'static str) -> Result<u64, TrainError> {
        let found = self.counts.get(name).copied();
        found.ok_or_else(|| missing(name))
    }
}

fn missing(name: &'static str) -> TrainError {
    TrainError::State {
        what: "the optimizer's memory",
        found: format!("without `{name}`"),
        expected: "that of the same optimizer and executor".to_owned(),
    }
}

/// Those of an autoencoder's terms that its objective has.
pub(super) fn autoencoder_figures(
    names: &[&'static str],
    reconstruction: Reconstruction,
    value: &AutoencoderValue,
) -> Figures {
    let terms = [
        (term::reconstruction(reconstruction), value.reconstruction),
        (term::WEIGHT_DECAY, value.weight_decay),
        (term::SPARSITY, value.sparsity),
        (term::L1, value.l1),
    ];
    let own = terms.into_iter().filter(|(name, _)| names.contains(name));
    Figures {
        terms: own.collect(),
        squared_error: Some(value.squared_error),
        rho_hat: Some(value.rho_hat.clone()),
        accuracy: None,
    }
}

pub(super) fn network_figures(value: &NetworkValue) -> Figures {
    let terms = [
        (term::CROSS_ENTROPY, value.cross_entropy),
        (term::WEIGHT_DECAY, value.weight_decay),
    ];
    Figures {
        terms: terms.into_iter().collect(),
        squared_error: None,
        rho_hat: None,
        accuracy: Some(value.accuracy),
    }
}
