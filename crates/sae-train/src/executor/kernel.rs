//! The kernels of any kind of model, on the CPU.

use sae_kernels::{Autoencoder, InstructionSet, Network, Part};

use super::trainable::KernelConfig;
use crate::TrainError;

/// The kernels of one kind of model.
pub enum Kernel {
    /// Of an autoencoder.
    Autoencoder(Box<Autoencoder>),
    /// Of a network, or of a head alone.
    Network(Box<Network>),
}

impl Kernel {
    pub(super) fn new(
        config: &KernelConfig,
        parameters: &[f32],
        threads: usize,
        set: Option<InstructionSet>,
    ) -> Result<Self, TrainError> {
        let mut kernel = match config {
            KernelConfig::Autoencoder(config) => {
                let mut kernel = Autoencoder::new(*config, threads)?;
                if let Some(set) = set {
                    kernel = kernel.with_instruction_set(set)?;
                }
                Self::Autoencoder(Box::new(kernel))
            }
            KernelConfig::Network(config) => {
                let mut kernel = Network::new(config.clone(), threads)?;
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
