//! A model's layers, and where everything of them lies.

use std::sync::Arc;

use sae_kernels::{Activation, AutoencoderConfig, NetworkConfig};

use crate::device::Gpu;
use crate::kernels::product::Right;
use crate::tiling::Tiling;

/// A layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Layer {
    pub inputs: usize,
    pub outputs: usize,
    /// Place of the weights among the parameters, row by row, `[inputs, outputs]`; of a tied decoder those of the
    /// encoder, turned.
    pub weights: usize,
    pub turned: bool,
    /// Place of the bias, `[outputs]`.
    pub bias: usize,
    /// Outputs of all layers before it, and so the place of its own in what holds the outputs of all layers.
    pub before: usize,
}

impl Layer {
    /// The weights, to go forward.
    pub(crate) fn forward(self) -> Right {
        Right {
            start: self.weights,
            width: if self.turned {
                self.inputs
            } else {
                self.outputs
            },
            by_rows: self.turned,
            outputs: self.outputs,
            inner: self.inputs,
        }
    }

    /// The weights turned, to go back.
    pub(crate) fn backward(self) -> Right {
        Right {
            by_rows: !self.turned,
            outputs: self.inputs,
            inner: self.outputs,
            ..self.forward()
        }
    }
}

/// A matrix of weights: those of a layer, or those that a tied encoder and decoder share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Weights {
    pub layer: Layer,
    /// The layer's number.
    pub index: usize,
    /// The layer that has them turned.
    pub tied: Option<Layer>,
    /// The bits of what decay adds to the gradient, as a share of the value.
    pub decay: u32,
    pub tiling: Tiling,
}

impl Weights {
    /// Number of values.
    pub(crate) fn count(&self) -> usize {
        self.layer.inputs * self.layer.outputs
    }

    /// Tiles of the gradient.
    pub(crate) fn tiles(&self) -> usize {
        let of = |count| self.tiling.tiles(count);
        of(self.layer.inputs) * of(self.layer.outputs)
    }
}

/// What the last layer is for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Purpose {
    /// To give back the inputs.
    Reconstruction(AutoencoderConfig),
    /// To tell classes apart.
    Classes,
}

/// A model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    pub layers: Arc<[Layer]>,
    /// What each layer but the last does.
    pub units: Vec<Activation>,
    pub weights: Arc<[Weights]>,
    pub purpose: Purpose,
    /// Number of parameters.
    pub parameters: usize,
    /// Outputs of all layers.
    pub outputs: usize,
    /// Whether the weights of all terms are numbers in single precision; else no gradient is.
    pub finite: bool,
}

impl Shape {
    pub(crate) fn of_autoencoder(config: &AutoencoderConfig, device: &Gpu) -> Self {
        let sizes = [config.inputs, config.hidden, config.inputs];
        let decays = [config.weight_decay; 2];
        let tied = config.tied;
        let purpose = Purpose::Reconstruction(*config);
        Self::new(&sizes, vec![config.encoder], &decays, tied, purpose, device)
    }

    pub(crate) fn of_network(config: &NetworkConfig, device: &Gpu) -> Self {
        let mut decays = vec![0.0; config.units.len()];
        decays.push(config.weight_decay);
        let units = config.units.clone();
        Self::new(
            &config.sizes,
            units,
            &decays,
            false,
            Purpose::Classes,
            device,
        )
    }

    fn new(
        sizes: &[usize],
        units: Vec<Activation>,
        decays: &[f64],
        tied: bool,
        purpose: Purpose,
        device: &Gpu,
    ) -> Self {
        let (mut layers, mut parameters, mut outputs) = (Vec::<Layer>::new(), 0, 0);
        for pair in sizes.windows(2) {
            let turned = tied && !layers.is_empty();
            let weights = if turned {
                layers[0].weights
            } else {
                parameters
            };
            parameters += if turned { 0 } else { pair[0] * pair[1] };
            layers.push(Layer {
                inputs: pair[0],
                outputs: pair[1],
                weights,
                turned,
                bias: parameters,
                before: outputs,
            });
            parameters += pair[1];
            outputs += pair[1];
        }
        let own = || layers.iter().filter(|layer| !layer.turned);
        let (precision, shared) = (device.precision(), device.shared_memory());
        // One for all, so that they share memory.
        let tiling = Tiling::largest(precision, shared, |tiling| {
            let tiles = own().map(|of| tiling.tiles(of.inputs) * tiling.tiles(of.outputs));
            tiles.sum()
        });
        let owners = layers.iter().enumerate().filter(|(_, layer)| !layer.turned);
        let weights = owners.zip(decays).map(|((index, &layer), &decay)| {
            let tied = layers.get(index + 1).copied().filter(|next| next.turned);
            let times = if tied.is_some() { 2.0 } else { 1.0 };
            Weights {
                layer,
                index,
                tied,
                decay: bits(decay * times),
                tiling,
            }
        });
        let terms = match &purpose {
            Purpose::Reconstruction(config) => vec![config.beta, config.l1],
            Purpose::Classes => vec![],
        };
        let mut terms = terms.iter().chain(decays);
        Self {
            finite: terms.all(|&weight| (weight as f32).is_finite()),
            weights: weights.collect(),
            layers: layers.into(),
            units,
            purpose,
            parameters,
            outputs,
        }
    }

    /// Hidden units with a ρ̂.
    pub(crate) fn hidden(&self) -> usize {
        match &self.purpose {
            Purpose::Reconstruction(config) => config.hidden,
            Purpose::Classes => 0,
        }
    }

    /// The layer that gives back inputs or tells classes apart.
    pub(crate) fn last(&self) -> Layer {
        self.layers[self.layers.len() - 1]
    }
}

/// The bits of a number that a kernel is compiled with, which must be finite.
pub(crate) fn bits(value: f64) -> u32 {
    (value as f32).clamp(f32::MIN, f32::MAX).to_bits()
}
