//! Weights as safetensors: one tensor per parameter, named by its path in the module, each matrix
//! `[input, output]`, row by row; `f32`, of imported weights also `f64`.

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
        let dtype = match parameter.dtype {
            DType::F64 => Dtype::F64,
            _ => Dtype::F32,
        };
        let view = TensorView::new(dtype, parameter.shape.clone(), bytes);
        (
            parameter.name.as_str(),
            view.expect("the bytes of a parameter match its shape"),
        )
    });
    safetensors::serialize(views, None).expect("parameters have distinct names")
}

fn little_endian(parameter: &NamedParameter) -> Vec<u8> {
    let values = parameter.values.iter();
    match parameter.dtype {
        DType::F64 => values.flat_map(|value| value.to_le_bytes()).collect(),
        _ => values
            .flat_map(|&value| (value as f32).to_le_bytes())
            .collect(),
    }
}

/// An autoencoder of the given kind from `encoder.weight`, `encoder.bias`, `decoder.weight` (not
/// with tied weights) and `decoder.bias`.
///
/// # Errors
///
/// Refuses bytes that are not safetensors, tensors that are missing or not of floating point, and
/// shapes that do not fit together.
pub fn decode_autoencoder(
    bytes: &[u8],
    architecture: Architecture,
    dtype: DType,
    device: &Device,
) -> Result<SparseAutoencoder, WeightsError> {
    let file = Weights::read(bytes, dtype, device)?;
    let encoder = file.dense("encoder", architecture.activation())?;
    let decoder = Decoder {
        weight: match architecture.tied {
            true => None,
            false => Some(file.param("decoder.weight", "a matrix of f32 or f64")?),
        },
        bias: file.param("decoder.bias", "a vector of f32 or f64")?,
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
    dtype: DType,
    device: &Device,
) -> Result<DeepNetwork, WeightsError> {
    let file = Weights::read(bytes, dtype, device)?;
    let encoders = activations
        .iter()
        .enumerate()
        .map(|(index, &activation)| file.dense(&format!("encoders.{index}"), activation))
        .collect::<Result<_, _>>()?;
    let output = file.dense("head.output", Activation::of(Unit::Linear))?;
    Ok(DeepNetwork::new(encoders, Softmax { output })?)
}

/// Shape and values, row by row, of the tensor called `name` of a safetensors file.
///
/// # Errors
///
/// Refuses bytes that are not safetensors, and a tensor that is missing or not of floating point.
pub fn read_array(bytes: &[u8], name: &str) -> Result<(Vec<usize>, Vec<f64>), WeightsError> {
    let file =
        SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Format(error.to_string()))?;
    let wrong = |found: String| WeightsError::Tensor {
        name: name.to_owned(),
        found,
        expected: "a tensor of f32 or f64",
    };
    let held = || format!("not in the file, which holds {}", file.names().join(", "));
    let view = file.tensor(name).map_err(|_| wrong(held()))?;
    let values = numbers(&view).ok_or_else(|| wrong(format!("{:?}", view.dtype())))?;
    Ok((view.shape().to_vec(), values))
}

struct Weights<'a> {
    tensors: SafeTensors<'a>,
    dtype: DType,
    device: Device,
}

impl<'a> Weights<'a> {
    fn read(bytes: &'a [u8], dtype: DType, device: &Device) -> Result<Self, WeightsError> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|error| WeightsError::Format(error.to_string()))?;
        Ok(Self {
            tensors,
            dtype,
            device: device.clone().autodiff(),
        })
    }

    fn dense(&self, name: &str, activation: Activation) -> Result<Dense, WeightsError> {
        let weight: Param<Tensor<2>> =
            self.param(&format!("{name}.weight"), "a matrix of f32 or f64")?;
        let bias: Param<Tensor<1>> =
            self.param(&format!("{name}.bias"), "a vector of f32 or f64")?;
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
        let found = || wrong(format!("{:?} {:?}", view.dtype(), view.shape()));
        if view.shape().len() != D || view.shape().contains(&0) {
            return Err(found());
        }
        let values = numbers(&view).ok_or_else(found)?;
        let data = TensorData::new(values, view.shape().to_vec());
        let tensor = Tensor::from_data(data, (&self.device, self.dtype)).require_grad();
        Ok(Param::initialized(ParamId::new(), tensor))
    }
}

/// The numbers of a tensor of `f32` or `f64`.
fn numbers(view: &TensorView<'_>) -> Option<Vec<f64>> {
    let bytes = view.data();
    match view.dtype() {
        Dtype::F32 => Some(
            bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|&chunk| f64::from(f32::from_le_bytes(chunk)))
                .collect(),
        ),
        Dtype::F64 => {
            let chunks = bytes.as_chunks::<8>().0.iter();
            Some(chunks.map(|&chunk| f64::from_le_bytes(chunk)).collect())
        }
        _ => None,
    }
}
