//! Models as named arrays: one per parameter, named by its path in the module, each matrix
//! `[input, output]`, row by row; `f32`, of imported weights also `f64`.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{DType, Device, Tensor, TensorData};
use sae_data::{NamedTensor, Tensors, TensorsError};
use sae_model::{
    Activation, Architecture, Decoder, DeepNetwork, Dense, ModelError, Softmax, SparseAutoencoder,
    Unit, named_parameters,
};
use thiserror::Error;

/// What can be wrong with the arrays of a model.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// An array is missing or not what it should be.
    #[error(transparent)]
    Tensors(#[from] TensorsError),
    /// The arrays do not make a model.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// All parameters of `module`.
pub fn weights_of<M: Module>(module: &M) -> Tensors {
    let mut tensors = Tensors::default();
    for parameter in named_parameters(module) {
        let tensor = NamedTensor {
            shape: parameter.shape,
            values: parameter.values,
            double: parameter.dtype == DType::F64,
        };
        tensors.insert(parameter.name, tensor);
    }
    tensors
}

/// An autoencoder of the given kind from `encoder.weight`, `encoder.bias`, `decoder.weight` (not
/// with tied weights) and `decoder.bias`.
///
/// # Errors
///
/// Refuses arrays that are missing, beyond what the model has, or do not fit together.
pub fn autoencoder_of(
    tensors: &Tensors,
    architecture: Architecture,
    dtype: DType,
    device: &Device,
) -> Result<SparseAutoencoder, WeightsError> {
    let reader = Reader::new(tensors, dtype, device);
    let encoder = reader.dense("encoder", architecture.activation())?;
    let decoder = Decoder {
        weight: match architecture.tied {
            true => None,
            false => Some(reader.param("decoder.weight")?),
        },
        bias: reader.param("decoder.bias")?,
        unit: architecture.decoder,
    };
    let autoencoder = SparseAutoencoder { encoder, decoder };
    reader.refuse_others(&autoencoder)?;
    let [hidden, inputs] = autoencoder.decoder_weight().dims();
    let expected = [autoencoder.hidden(), autoencoder.inputs()];
    if [hidden, inputs] != expected || autoencoder.decoder.bias.val().dims() != [inputs] {
        return Err(WeightsError::Model(ModelError::Shape {
            operation: "reading an autoencoder",
            left_name: "encoder.weight",
            left: autoencoder.encoder.weight.val().dims().to_vec(),
            right_name: "decoder.weight",
            right: vec![hidden, inputs],
        }));
    }
    Ok(autoencoder)
}

/// A network from `encoders.0.weight`, `encoders.0.bias`, …, `head.output.weight` and
/// `head.output.bias`; `activations` are those of the encoders.
///
/// # Errors
///
/// As [`autoencoder_of`].
pub fn network_of(
    tensors: &Tensors,
    activations: &[Activation],
    dtype: DType,
    device: &Device,
) -> Result<DeepNetwork, WeightsError> {
    let reader = Reader::new(tensors, dtype, device);
    let encoders = activations
        .iter()
        .enumerate()
        .map(|(index, &activation)| reader.dense(&format!("encoders.{index}"), activation))
        .collect::<Result<_, _>>()?;
    let linear = Activation {
        unit: Unit::Linear,
        top_k: None,
    };
    let output = reader.dense("head.output", linear)?;
    let network = DeepNetwork::new(encoders, Softmax { output })?;
    reader.refuse_others(&network)?;
    Ok(network)
}

struct Reader<'a> {
    tensors: &'a Tensors,
    dtype: DType,
    device: Device,
}

impl<'a> Reader<'a> {
    fn new(tensors: &'a Tensors, dtype: DType, device: &Device) -> Self {
        Self {
            tensors,
            dtype,
            device: device.clone().autodiff(),
        }
    }

    fn dense(&self, name: &str, activation: Activation) -> Result<Dense, WeightsError> {
        let weight: Param<Tensor<2>> = self.param(&format!("{name}.weight"))?;
        let bias: Param<Tensor<1>> = self.param(&format!("{name}.bias"))?;
        let (columns, length) = (weight.val().dims()[1], bias.val().dims()[0]);
        if columns != length {
            return Err(WeightsError::Model(ModelError::Shape {
                operation: "reading weights",
                left_name: "the columns of a weight",
                left: vec![columns],
                right_name: "its bias",
                right: vec![length],
            }));
        }
        Ok(Dense {
            weight,
            bias,
            activation,
        })
    }

    fn param<const D: usize>(&self, name: &str) -> Result<Param<Tensor<D>>, WeightsError> {
        let found = self.tensors.get(name, D)?;
        let beyond = |&value: &f64| self.dtype == DType::F32 && (value as f32).is_infinite();
        if let Some(place) = found.values.iter().position(beyond) {
            let value = found.values[place];
            return Err(WeightsError::Tensors(TensorsError::Tensor {
                name: name.to_owned(),
                found: format!("{value:e} at place {place}"),
                expected: "numbers that f32 can hold".to_owned(),
            }));
        }
        let data = TensorData::new(found.values.clone(), found.shape.clone());
        let tensor = Tensor::from_data(data, (&self.device, self.dtype)).require_grad();
        Ok(Param::initialized(ParamId::new(), tensor))
    }

    /// Weights of another model are never half used.
    fn refuse_others<M: Module>(&self, module: &M) -> Result<(), WeightsError> {
        let own = named_parameters(module);
        let mut names = self.tensors.iter().map(|(name, _)| name);
        match names.find(|name| !own.iter().any(|p| p.name == *name)) {
            None => Ok(()),
            Some(other) => Err(WeightsError::Tensors(TensorsError::Tensor {
                name: other.to_owned(),
                found: "in the file".to_owned(),
                expected: "no such tensor: the model has none of that name".to_owned(),
            })),
        }
    }
}
