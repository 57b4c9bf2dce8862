//! The softmax classifier that sits on the last code.

use burn::module::Module;
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{DType, Device, Tensor};
use rand_core::Rng;
use sae_kernels::setting::at_least_one;

use crate::{Activation, Dense, DenseConfig, ModelError, Unit};

/// Sizes of a [`Softmax`] head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftmaxConfig {
    features: usize,
    classes: usize,
}

impl SoftmaxConfig {
    /// A classifier of `features` values into `classes` classes.
    ///
    /// # Errors
    ///
    /// Refuses zero features and fewer than two classes.
    pub fn new(features: usize, classes: usize) -> Result<Self, ModelError> {
        at_least_one("features", features)?;
        if classes < 2 {
            return Err(ModelError::setting("classes", classes, "at least 2"));
        }
        Ok(Self { features, classes })
    }

    /// Draws the weights from `rng`; see [`DenseConfig::init`].
    pub fn init(&self, rng: &mut impl Rng, dtype: DType, device: &Device) -> Softmax {
        Softmax {
            output: DenseConfig::new(self.features, self.classes)
                .with_activation(Activation {
                    unit: Unit::Linear,
                    top_k: None,
                })
                .init(rng, dtype, device),
        }
    }
}

/// `P = softmax(y·Ws + bs)`.
#[derive(Module, Debug)]
pub struct Softmax {
    /// Ws `[feature, class]` and bs `[class]`, with linear units.
    pub output: Dense,
}

impl Softmax {
    /// The scores `y·Ws + bs` before normalisation: `[batch, feature]` → `[batch, class]`.
    pub fn logits(&self, features: Tensor<2>) -> Tensor<2> {
        self.output.forward(features)
    }

    /// Class probabilities, each row summing to 1: `[batch, feature]` → `[batch, class]`.
    pub fn forward(&self, features: Tensor<2>) -> Tensor<2> {
        softmax(self.logits(features), 1)
    }

    /// Natural logarithms of the class probabilities: `[batch, feature]` → `[batch, class]`.
    pub fn log_probabilities(&self, features: Tensor<2>) -> Tensor<2> {
        log_softmax(self.logits(features), 1)
    }
}
