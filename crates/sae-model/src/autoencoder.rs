//! The three-layer sparse autoencoder.

use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{DType, Device, Tensor};
use rand_core::Rng;

use crate::{Dense, DenseConfig, ModelError};

/// Sizes of a [`SparseAutoencoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoencoderConfig {
    inputs: usize,
    hidden: usize,
}

impl AutoencoderConfig {
    /// An autoencoder of `inputs` values with `hidden` units.
    ///
    /// # Errors
    ///
    /// Refuses a size of 0. More hidden units than inputs are allowed: with the sparsity term an
    /// over-complete code is meaningful.
    pub fn new(inputs: usize, hidden: usize) -> Result<Self, ModelError> {
        for (name, size) in [("inputs", inputs), ("hidden", hidden)] {
            if size == 0 {
                return Err(ModelError::setting(name, size, "at least 1"));
            }
        }
        Ok(Self { inputs, hidden })
    }

    /// Draws the encoder, then the decoder, from `rng`; see [`DenseConfig::init`].
    pub fn init(&self, rng: &mut impl Rng, dtype: DType, device: &Device) -> SparseAutoencoder {
        SparseAutoencoder {
            encoder: DenseConfig::new(self.inputs, self.hidden).init(rng, dtype, device),
            decoder: DenseConfig::new(self.hidden, self.inputs).init(rng, dtype, device),
        }
    }
}

/// Encoder `y = φ(x·W1 + b)` and decoder `z = φ(y·W2 + c)`, φ the logistic sigmoid.
#[derive(Module, Debug)]
pub struct SparseAutoencoder {
    /// W1 `[input, hidden]` and b `[hidden]`.
    pub encoder: Dense,
    /// W2 `[hidden, input]` and c `[input]`.
    pub decoder: Dense,
}

impl SparseAutoencoder {
    /// The code φ(x·W1 + b): `[batch, input]` → `[batch, hidden]`.
    pub fn encode(&self, x: Tensor<2>) -> Tensor<2> {
        sigmoid(self.encoder.forward(x))
    }

    /// The reconstruction φ(y·W2 + c) of a code: `[batch, hidden]` → `[batch, input]`.
    pub fn decode(&self, code: Tensor<2>) -> Tensor<2> {
        sigmoid(self.decoder.forward(code))
    }

    /// The reconstruction of an input: `[batch, input]` → `[batch, input]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.decode(self.encode(x))
    }
}
