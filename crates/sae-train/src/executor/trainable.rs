//! What the kernels need to know of an objective and its model.

use sae_kernels::{AutoencoderConfig, NetworkConfig};
use sae_model::{
    CrossEntropy, DeepNetwork, DeltaRule, Dense, FineTuning, RHO_HAT_EPSILON, Softmax,
    SparseAutoencoder, SparseObjective,
};

use crate::FromHost;

/// A model with its objective, as kernels have it.
#[derive(Debug, Clone, PartialEq)]
pub enum KernelConfig {
    /// An autoencoder.
    Autoencoder(AutoencoderConfig),
    /// A network, or a head alone.
    Network(NetworkConfig),
}

/// An objective that every executor can train.
pub trait Trainable: DeltaRule + Clone + 'static
where
    Self::Batch: FromHost,
{
    /// Number of hidden units of `model` whose mean activity the objective depends on.
    fn sparse_units(&self, model: &Self::Model) -> usize;

    /// Model and objective as kernels have them.
    fn config(&self, model: &Self::Model) -> KernelConfig;
}

impl Trainable for SparseObjective {
    fn sparse_units(&self, model: &SparseAutoencoder) -> usize {
        match self.beta() > 0.0 {
            true => model.hidden(),
            false => 0,
        }
    }

    fn config(&self, model: &SparseAutoencoder) -> KernelConfig {
        let kind = model.architecture();
        KernelConfig::Autoencoder(AutoencoderConfig {
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
        })
    }
}

impl Trainable for CrossEntropy {
    fn sparse_units(&self, _: &Softmax) -> usize {
        0
    }

    fn config(&self, head: &Softmax) -> KernelConfig {
        network(&[], head, self.weight_decay())
    }
}

impl Trainable for FineTuning {
    fn sparse_units(&self, _: &DeepNetwork) -> usize {
        0
    }

    fn config(&self, network: &DeepNetwork) -> KernelConfig {
        self::network(&network.encoders, &network.head, self.weight_decay())
    }
}

fn network(encoders: &[Dense], head: &Softmax, weight_decay: f64) -> KernelConfig {
    let layers = encoders.iter().chain([&head.output]);
    let mut sizes: Vec<usize> = layers.map(Dense::inputs).collect();
    sizes.push(head.output.outputs());
    KernelConfig::Network(NetworkConfig {
        sizes,
        units: encoders.iter().map(|encoder| encoder.activation).collect(),
        weight_decay,
    })
}
