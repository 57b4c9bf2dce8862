//! A model and its objective inside the fused kernels of `sae-kernels`.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Tensor, TensorData};
use sae_kernels::{
    Autoencoder, AutoencoderConfig, AutoencoderWeights, DenseWeights, Network, NetworkConfig,
    Optimiser, Part, Rows,
};

use crate::objective::{
    CrossEntropy, FineTuning, HostValue, Objective, RHO_HAT_EPSILON, SparseObjective,
};
use crate::parameters::{named_parameters, with_parameters};
use crate::{DeepNetwork, Dense, ModelError, NamedParameter, Softmax, SparseAutoencoder, Unit};

/// A model with its objective, optimiser state and work memory, on the CPU. The parameters live in
/// here while it trains.
pub struct Fused {
    kernel: Kernel,
    value: HostValue,
}

enum Kernel {
    Autoencoder(Box<Autoencoder>),
    Network(Box<Network>),
}

/// Samples for a step.
#[derive(Debug, Clone, Copy)]
pub struct FusedBatch<'a> {
    /// What the model sees.
    pub inputs: Rows<'a>,
    /// What an autoencoder should give, where that is not its input.
    pub targets: Option<Rows<'a>>,
    /// The classes of the samples; of no meaning to an autoencoder.
    pub labels: &'a [u8],
}

impl Fused {
    /// An autoencoder, where the kernels cover it: sparse as any, but not tied and without top-k.
    pub(crate) fn autoencoder(
        objective: &SparseObjective,
        model: &SparseAutoencoder,
        threads: usize,
    ) -> Option<Self> {
        let encoder = &model.encoder;
        let covered = model.decoder.weight.is_some() && encoder.activation.top_k.is_none();
        if !covered || encoder.weight.val().dtype() != DType::F32 {
            return None;
        }
        let config = AutoencoderConfig {
            inputs: encoder.inputs(),
            hidden: encoder.outputs(),
            encoder: unit(encoder.activation.unit),
            decoder: unit(model.decoder.unit),
            alpha: objective.weight_decay(),
            beta: objective.beta(),
            rho: objective.rho(),
            l1: objective.l1(),
            clamp: RHO_HAT_EPSILON,
        };
        let weights = autoencoder_weights(values(model));
        let kernel = Autoencoder::new(config, &weights, threads);
        let terms = objective.terms().len();
        Some(Self::new(Kernel::Autoencoder(Box::new(kernel)), terms))
    }

    /// A softmax head alone.
    pub(crate) fn softmax(
        objective: &CrossEntropy,
        head: &Softmax,
        threads: usize,
    ) -> Option<Self> {
        Self::network_of(&[], head, objective.weight_decay(), head, threads)
    }

    /// A whole network, where its encoders are without top-k.
    pub(crate) fn network(
        objective: &FineTuning,
        network: &DeepNetwork,
        threads: usize,
    ) -> Option<Self> {
        let lambda = objective.weight_decay();
        Self::network_of(&network.encoders, &network.head, lambda, network, threads)
    }

    fn network_of<M: Module>(
        encoders: &[Dense],
        head: &Softmax,
        lambda: f64,
        model: &M,
        threads: usize,
    ) -> Option<Self> {
        let top_k = |encoder: &Dense| encoder.activation.top_k.is_some();
        if encoders.iter().any(top_k) || head.output.weight.val().dtype() != DType::F32 {
            return None;
        }
        let units = encoders.iter().map(|e| unit(e.activation.unit)).collect();
        let config = NetworkConfig { units, lambda };
        let weights = dense_weights(values(model));
        let kernel = Network::new(config, &weights, threads);
        Some(Self::new(Kernel::Network(Box::new(kernel)), 2))
    }

    fn new(kernel: Kernel, terms: usize) -> Self {
        Self {
            kernel,
            value: HostValue {
                terms: vec![0.0; terms],
                statistic: Vec::new(),
            },
        }
    }

    /// J and its gradient on `batch`, and one update of the parameters where `update` gives an
    /// optimiser and a learning rate. The value is that before the update.
    ///
    /// # Panics
    ///
    /// Panics on an empty batch and on labels that are no class.
    pub fn step(&mut self, batch: FusedBatch<'_>, update: Option<(Optimiser, f32)>) -> &HostValue {
        let HostValue { terms, statistic } = &mut self.value;
        statistic.clear();
        match &mut self.kernel {
            Kernel::Autoencoder(kernel) => {
                let value = kernel.step(batch.inputs, batch.targets, update);
                let all = [
                    value.reconstruction,
                    value.weight_decay,
                    value.sparsity,
                    value.l1,
                ];
                for (term, value) in terms.iter_mut().zip(all) {
                    *term = value;
                }
                statistic.extend(value.rho_hat.iter().map(|&mean| f64::from(mean)));
            }
            Kernel::Network(kernel) => {
                let value = kernel.step(batch.inputs, batch.labels, update);
                terms.copy_from_slice(&[value.cross_entropy, value.weight_decay]);
                statistic.push(value.accuracy);
            }
        }
        &self.value
    }

    /// ‖∇J‖ of the last step.
    pub fn gradient_norm(&self) -> f64 {
        match &self.kernel {
            Kernel::Autoencoder(kernel) => kernel.gradient_norm(),
            Kernel::Network(kernel) => kernel.gradient_norm(),
        }
    }

    /// Replaces the parameters by those of `model`, which must be of the same kind and sizes.
    pub fn set<M: Module>(&mut self, model: &M) {
        match &mut self.kernel {
            Kernel::Autoencoder(kernel) => kernel.set(&autoencoder_weights(values(model))),
            Kernel::Network(kernel) => kernel.set(&dense_weights(values(model))),
        }
    }

    /// `model` with the parameters of the kernels.
    ///
    /// # Errors
    ///
    /// Refuses a model of another kind or of other sizes.
    pub fn write<M: Module>(&self, model: M) -> Result<M, ModelError> {
        let named = named_parameters(&model);
        let own = self.parameters(Part::Values).into_iter();
        let named: Vec<NamedParameter> = named
            .into_iter()
            .zip(own)
            .map(|(parameter, values)| NamedParameter {
                values: values.into_iter().map(f64::from).collect(),
                ..parameter
            })
            .collect();
        with_parameters(model, &named)
    }

    /// The gradient of the last step, under the ids of `model`'s parameters.
    pub fn gradients<M: Module>(&self, model: &M) -> GradientsParams {
        let mut registrar = Registrar {
            own: self.parameters(Part::Gradients).into_iter(),
            gradients: GradientsParams::new(),
        };
        model.visit(&mut registrar);
        registrar.gradients
    }

    /// In the order in which Burn visits the model's parameters.
    fn parameters(&self, part: Part) -> Vec<Vec<f32>> {
        match &self.kernel {
            Kernel::Autoencoder(kernel) => {
                let w = kernel.weights(part);
                vec![w.encoder, w.encoder_bias, w.decoder, w.decoder_bias]
            }
            Kernel::Network(kernel) => {
                let layers = kernel.weights(part).into_iter();
                layers
                    .flat_map(|dense| [dense.weight, dense.bias])
                    .collect()
            }
        }
    }
}

struct Registrar {
    own: std::vec::IntoIter<Vec<f32>>,
    gradients: GradientsParams,
}

impl ModuleVisitor for Registrar {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(values) = self.own.next() {
            let tensor = param.val().inner();
            let data = TensorData::new(values, tensor.dims());
            let gradient = Tensor::<D>::from_data(data, (&tensor.device(), DType::F32));
            self.gradients.register(param.id, gradient);
        }
    }
}

fn unit(unit: Unit) -> sae_kernels::Unit {
    match unit {
        Unit::Sigmoid => sae_kernels::Unit::Sigmoid,
        Unit::Tanh => sae_kernels::Unit::Tanh,
        Unit::Linear => sae_kernels::Unit::Linear,
        Unit::Satlin => sae_kernels::Unit::Satlin,
        Unit::Relu => sae_kernels::Unit::Relu,
    }
}

/// The values of each parameter with its shape, in the order in which Burn visits them.
fn values<M: Module>(model: &M) -> Vec<(Vec<usize>, Vec<f32>)> {
    let single = |p: NamedParameter| {
        let values = p.values.into_iter().map(|v| v as f32).collect();
        (p.shape, values)
    };
    named_parameters(model).into_iter().map(single).collect()
}

fn autoencoder_weights(values: Vec<(Vec<usize>, Vec<f32>)>) -> AutoencoderWeights {
    let mut values = values.into_iter().map(|(_, values)| values);
    let mut next = || values.next().unwrap_or_default();
    AutoencoderWeights {
        encoder: next(),
        encoder_bias: next(),
        decoder: next(),
        decoder_bias: next(),
    }
}

fn dense_weights(values: Vec<(Vec<usize>, Vec<f32>)>) -> Vec<DenseWeights> {
    let mut layers = Vec::new();
    let mut values = values.into_iter();
    while let (Some((shape, weight)), Some((_, bias))) = (values.next(), values.next()) {
        layers.push(DenseWeights {
            inputs: shape[0],
            weight,
            bias,
        });
    }
    layers
}
