//! What executors that are made of kernels know alike of their model and its training, on the CPU and on GPUs.

use sae_kernels::{AutoencoderValue, NetworkValue, Part, RhoHat as Estimate, Update};
use sae_model::{Figures, term};

use super::trainable::{KernelConfig, Trainable};
use super::{ExecutorState, OptimizerState, TensorName};
use crate::{FromHost, Optimizer, RhoHat, TrainError, Training};

/// A model with its objective, and how it is trained.
pub(super) struct KernelSetup {
    pub config: KernelConfig,
    pub tensors: Vec<TensorName>,
    /// The names of the objective's terms.
    terms: &'static [&'static str],
    /// The optimizer, and the same for the kernels; nothing for a line search.
    pub optimizer: Optimizer,
    in_kernels: Option<sae_kernels::Optimizer>,
    clip: Option<f64>,
    /// Which ρ̂ steps use.
    pub estimate: Estimate,
}

impl KernelSetup {
    pub(super) fn new<O: Trainable>(objective: &O, model: &O::Model, training: &Training) -> Self
    where
        O::Batch: FromHost,
    {
        let config = objective.config(model);
        let sparse = match &config {
            KernelConfig::Autoencoder(config) => config.beta > 0.0,
            KernelConfig::Network(_) => false,
        };
        Self {
            config,
            tensors: TensorName::all(model),
            terms: objective.terms(),
            optimizer: training.optimizer,
            in_kernels: in_kernels(training),
            clip: training.clip(),
            estimate: estimate_of(training, sparse),
        }
    }

    /// Hidden units with a ρ̂; 0 of a network.
    pub(super) fn hidden(&self) -> usize {
        match &self.config {
            KernelConfig::Autoencoder(config) => config.hidden,
            KernelConfig::Network(_) => 0,
        }
    }

    /// An update with this learning rate.
    ///
    /// # Errors
    ///
    /// There is none where a line search updates.
    pub(super) fn update(&self, learning_rate: f64) -> Result<Update, TrainError> {
        let optimizer = self.in_kernels.ok_or(TrainError::LineSearchUpdate)?;
        Ok(Update {
            clip: self.clip,
            ..Update::new(optimizer, learning_rate as f32)
        })
    }

    /// Those of an autoencoder's terms that its objective has.
    pub(super) fn autoencoder_figures(&self, value: &AutoencoderValue) -> Figures {
        let reconstruction = match &self.config {
            KernelConfig::Autoencoder(config) => Some(term::reconstruction(config.reconstruction)),
            KernelConfig::Network(_) => None,
        };
        let terms = reconstruction.map(|name| (name, value.reconstruction));
        let terms = terms.into_iter().chain([
            (term::WEIGHT_DECAY, value.weight_decay),
            (term::SPARSITY, value.sparsity),
            (term::L1, value.l1),
        ]);
        let own = terms.filter(|(name, _)| self.terms.contains(name));
        Figures {
            terms: own.collect(),
            squared_error: Some(value.squared_error),
            rho_hat: Some(value.rho_hat.clone()),
            accuracy: None,
        }
    }

    /// A network's.
    pub(super) fn network_figures(&self, value: &NetworkValue) -> Figures {
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

    /// What the optimizer remembers.
    pub(super) fn remembered(
        &self,
        updates: u64,
        read: impl Fn(Part) -> Vec<f32>,
    ) -> OptimizerState {
        let used = MOMENTS
            .into_iter()
            .filter(|&(_, part)| uses(self.optimizer, part));
        OptimizerState {
            vectors: used
                .map(|(name, part)| (name.to_owned(), read(part)))
                .collect(),
            counts: [(UPDATES.to_owned(), updates)].into(),
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
fn estimate_of(training: &Training, sparse: bool) -> Estimate {
    match training.rho_hat {
        RhoHat::Running if sparse => Estimate::Running(training.rho_hat_decay),
        RhoHat::Full if sparse => Estimate::Given,
        RhoHat::Batch | RhoHat::Running | RhoHat::Full => Estimate::Batch,
    }
}

/// The kernels' optimizer; nothing for a line search.
fn in_kernels(training: &Training) -> Option<sae_kernels::Optimizer> {
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
