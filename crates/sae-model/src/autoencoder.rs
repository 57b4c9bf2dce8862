//! The three-layer autoencoder.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{DType, Device, Tensor};
use rand_core::Rng;

use sae_kernels::Setting;
use sae_kernels::setting::at_least_one;

use crate::{Activation, Dense, DenseConfig, ModelError, OnTensors, Unit};

/// Which units an autoencoder has, and whether its weights are tied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Architecture {
    /// Units of the encoder.
    pub encoder: Unit,
    /// Units of the decoder; their range should hold the inputs'.
    pub decoder: Unit,
    /// Whether the decoder uses W2 = W1ᵀ instead of weights of its own.
    pub tied: bool,
    /// How many hidden activations are kept per sample; all where not set.
    pub top_k: Option<usize>,
}

impl Architecture {
    /// Checks that autoencoders of `hidden` hidden units can be of this kind.
    ///
    /// # Errors
    ///
    /// Refuses top-k codes with k outside 1 to the number of hidden units, and with tanh units: a
    /// unit that is not kept gives 0, which for tanh is half active.
    pub fn check(&self, hidden: usize) -> Result<(), Setting> {
        let Some(k) = self.top_k else { return Ok(()) };
        if k == 0 || k > hidden {
            let expected = "1 to the number of hidden units";
            return Err(Setting::new("top_k", k, expected));
        }
        if self.encoder == Unit::Tanh {
            return Err(Setting::new(
                "top_k",
                k,
                "no top_k with tanh units, for which the 0 of a unit that is not kept means \
                 half active; use sigmoid, satlin, relu or linear",
            ));
        }
        Ok(())
    }

    /// What the encoder does to its pre-activations.
    pub fn activation(&self) -> Activation {
        Activation {
            unit: self.encoder,
            top_k: self.top_k,
        }
    }
}

/// Sizes and kind of a [`SparseAutoencoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AutoencoderConfig {
    inputs: usize,
    hidden: usize,
    architecture: Architecture,
}

impl AutoencoderConfig {
    /// An autoencoder of `inputs` values with `hidden` sigmoid units and a sigmoid decoder.
    ///
    /// # Errors
    ///
    /// Refuses a size of 0. More hidden units than inputs are allowed: with the sparsity term an
    /// over-complete code is meaningful.
    pub fn new(inputs: usize, hidden: usize) -> Result<Self, ModelError> {
        at_least_one("inputs", inputs)?;
        at_least_one("hidden", hidden)?;
        Ok(Self {
            inputs,
            hidden,
            architecture: Architecture::default(),
        })
    }

    /// The same sizes with other units.
    ///
    /// # Errors
    ///
    /// As [`Architecture::check`].
    pub fn with_architecture(self, architecture: Architecture) -> Result<Self, ModelError> {
        architecture.check(self.hidden)?;
        Ok(Self {
            architecture,
            ..self
        })
    }

    /// Draws the encoder, then the decoder, from `rng`; see [`DenseConfig::init`].
    pub fn init(&self, rng: &mut impl Rng, dtype: DType, device: &Device) -> SparseAutoencoder {
        let Architecture { decoder, tied, .. } = self.architecture;
        let encoder = DenseConfig::new(self.inputs, self.hidden)
            .with_activation(self.architecture.activation())
            .init(rng, dtype, device);
        let Dense { weight, bias, .. } =
            DenseConfig::new(self.hidden, self.inputs).init(rng, dtype, device);
        SparseAutoencoder {
            encoder,
            decoder: Decoder {
                weight: (!tied).then_some(weight),
                bias,
                unit: decoder,
            },
        }
    }
}

/// The way back from a code.
#[derive(Module, Debug)]
pub struct Decoder {
    /// W2 `[hidden, input]`, or nothing where W2 = W1ᵀ.
    pub weight: Option<Param<Tensor<2>>>,
    /// c `[input]`.
    pub bias: Param<Tensor<1>>,
    /// Units.
    #[module(skip)]
    pub unit: Unit,
}

impl From<Dense> for Decoder {
    fn from(dense: Dense) -> Self {
        Self {
            weight: Some(dense.weight),
            bias: dense.bias,
            unit: dense.activation.unit,
        }
    }
}

/// Encoder `y = φ(x·W1 + b)` and decoder `z = φ(y·W2 + c)`.
#[derive(Module, Debug)]
pub struct SparseAutoencoder {
    /// W1 `[input, hidden]` and b `[hidden]`.
    pub encoder: Dense,
    /// W2 `[hidden, input]` and c `[input]`.
    pub decoder: Decoder,
}

impl SparseAutoencoder {
    /// The code φ(x·W1 + b): `[batch, input]` → `[batch, hidden]`.
    pub fn encode(&self, x: Tensor<2>) -> Tensor<2> {
        self.encoder.forward(x)
    }

    /// The reconstruction φ(y·W2 + c) of a code: `[batch, hidden]` → `[batch, input]`.
    pub fn decode(&self, code: Tensor<2>) -> Tensor<2> {
        self.decoder.unit.apply(self.pre_decode(code))
    }

    /// The pre-activation y·W2 + c of a reconstruction: `[batch, hidden]` → `[batch, input]`.
    pub(crate) fn pre_decode(&self, code: Tensor<2>) -> Tensor<2> {
        code.matmul(self.decoder_weight()) + self.decoder.bias.val().unsqueeze()
    }

    /// The reconstruction of an input: `[batch, input]` → `[batch, input]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.decode(self.encode(x))
    }

    /// W2, or W1ᵀ where the weights are tied: `[hidden, input]`.
    pub fn decoder_weight(&self) -> Tensor<2> {
        match &self.decoder.weight {
            Some(weight) => weight.val(),
            None => self.encoder.weight.val().transpose(),
        }
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.encoder.inputs()
    }

    /// Number of hidden units.
    pub fn hidden(&self) -> usize {
        self.encoder.outputs()
    }

    /// Which units it has, and whether its weights are tied.
    pub fn architecture(&self) -> Architecture {
        Architecture {
            encoder: self.encoder.activation.unit,
            decoder: self.decoder.unit,
            tied: self.decoder.weight.is_none(),
            top_k: self.encoder.activation.top_k,
        }
    }

    /// The id of W2, where it is not W1's.
    pub(crate) fn decoder_weight_id(&self) -> Option<ParamId> {
        self.decoder.weight.as_ref().map(|weight| weight.id)
    }
}
