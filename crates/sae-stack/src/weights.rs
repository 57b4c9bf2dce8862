//! Weights as safetensors: one `f32` tensor per parameter, named by its path in the module, each
//! matrix `[input, output]`, row by row.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{DType, Device, Tensor, TensorData};
use sae_model::{
    Activation, Architecture, Decoder, DeepNetwork, Dense, ModelError, NamedParameter, Softmax,
    SparseAutoencoder, Unit, named_parameters,
};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use thiserror::Error;

/// What can be wrong with a weights file.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// Not a safetensors file, or a damaged one.
    #[error("not a readable safetensors file: {0}")]
    Format(String),
    /// A tensor is missing or has another type or rank.
    #[error("tensor `{name}` is {found}; expected {expected}")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// What the file holds.
        found: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// The tensors do not make a model.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// The bytes of a safetensors file of all parameters of `module`.
///
/// The same values give the same bytes.
pub fn encode_weights<M: Module>(module: &M) -> Vec<u8> {
    let parameters = named_parameters(module);
    let bytes: Vec<Vec<u8>> = parameters.iter().map(little_endian).collect();
    let views = parameters.iter().zip(&bytes).map(|(parameter, bytes)| {
        let view = TensorView::new(Dtype::F32, parameter.shape.clone(), bytes);
        (
            parameter.name.as_str(),
            view.expect("the bytes of a parameter match its shape"),
        )
    });
    safetensors::serialize(views, None).expect("parameters have distinct names")
}

fn little_endian(parameter: &NamedParameter) -> Vec<u8> {
    let values = parameter.values.iter().map(|&value| value as f32);
    values.flat_map(f32::to_le_bytes).collect()
}

/// An autoencoder of the given kind from `encoder.weight`, `encoder.bias`, `decoder.weight` (not
/// with tied weights) and `decoder.bias`.
///
/// # Errors
///
/// Refuses bytes that are not safetensors, tensors that are missing or not `f32`, and shapes that
/// do not fit together.
pub fn decode_autoencoder(
    bytes: &[u8],
    architecture: Architecture,
    device: &Device,
) -> Result<SparseAutoencoder, WeightsError> {
    let file = Weights::read(bytes, device)?;
    let encoder = file.dense("encoder", architecture.activation())?;
    let decoder = Decoder {
        weight: match architecture.tied {
            true => None,
            false => Some(file.param("decoder.weight", "a matrix of f32")?),
        },
        bias: file.param("decoder.bias", "a vector of f32")?,
        unit: architecture.decoder,
    };
    let autoencoder = SparseAutoencoder { encoder, decoder };
    let [hidden, inputs] = autoencoder.decoder_weight().dims();
    let expected = [autoencoder.encoder.outputs(), autoencoder.encoder.inputs()];
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
/// As [`decode_autoencoder`].
pub fn decode_network(
    bytes: &[u8],
    activations: &[Activation],
    device: &Device,
) -> Result<DeepNetwork, WeightsError> {
    let file = Weights::read(bytes, device)?;
    let encoders = activations
        .iter()
        .enumerate()
        .map(|(index, &activation)| file.dense(&format!("encoders.{index}"), activation))
        .collect::<Result<_, _>>()?;
    let output = file.dense("head.output", Activation::of(Unit::Linear))?;
    Ok(DeepNetwork::new(encoders, Softmax { output })?)
}

struct Weights<'a> {
    tensors: SafeTensors<'a>,
    device: Device,
}

impl<'a> Weights<'a> {
    fn read(bytes: &'a [u8], device: &Device) -> Result<Self, WeightsError> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|error| WeightsError::Format(error.to_string()))?;
        Ok(Self {
            tensors,
            device: device.clone().autodiff(),
        })
    }

    fn dense(&self, name: &str, activation: Activation) -> Result<Dense, WeightsError> {
        let weight: Param<Tensor<2>> = self.param(&format!("{name}.weight"), "a matrix of f32")?;
        let bias: Param<Tensor<1>> = self.param(&format!("{name}.bias"), "a vector of f32")?;
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

    fn param<const D: usize>(
        &self,
        name: &str,
        expected: &'static str,
    ) -> Result<Param<Tensor<D>>, WeightsError> {
        let wrong = |found: String| WeightsError::Tensor {
            name: name.to_owned(),
            found,
            expected,
        };
        let held = self.tensors.tensor(name);
        let view = held.map_err(|_| wrong("not in the file".to_owned()))?;
        if view.dtype() != Dtype::F32 || view.shape().len() != D || view.shape().contains(&0) {
            return Err(wrong(format!("{:?} {:?}", view.dtype(), view.shape())));
        }
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let data = TensorData::new(values, view.shape().to_vec());
        let tensor = Tensor::from_data(data, (&self.device, DType::F32)).require_grad();
        Ok(Param::initialized(ParamId::new(), tensor))
    }
}
