//! A layer: an affine map and its units, with seeded initial weights.

use burn::module::{Module, Param, ParamId};
use burn::tensor::{DType, Device, Tensor, TensorData};
use rand_core::Rng;

use crate::{Activation, OnTensors};

/// Sizes and units of a [`Dense`] layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenseConfig {
    /// Number of inputs.
    pub inputs: usize,
    /// Number of outputs.
    pub outputs: usize,
    /// What is done to the outputs.
    pub activation: Activation,
}

impl DenseConfig {
    /// A layer of `outputs` sigmoid units on `inputs` values.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            activation: Activation::default(),
        }
    }

    /// The same layer with other units.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Draws weights from U(−r, r) with r = √(6 / (inputs + outputs + 1)) and sets biases to zero
    /// (the initialisation of UFLDL's sparse autoencoder exercise, after Glorot and Bengio 2010).
    ///
    /// The same `rng` state gives the same weights on every backend: the numbers are drawn on the
    /// host, in `f64`, row by row. Parameters live on `device.autodiff()`, where the optimizers
    /// expect them.
    pub fn init(&self, rng: &mut impl Rng, dtype: DType, device: &Device) -> Dense {
        let radius = (6.0 / (self.inputs + self.outputs + 1) as f64).sqrt();
        let weight = (0..self.inputs * self.outputs)
            .map(|_| radius * (2.0 * unit_interval(rng) - 1.0))
            .collect();
        Dense::from_values(*self, weight, vec![0.0; self.outputs], dtype, device)
    }
}

/// A uniform number in [0, 1), of the 53 bits that an `f64` can hold.
fn unit_interval(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * 2f64.powi(-53)
}

/// The layer `φ(x·W + b)`.
#[derive(Module, Debug)]
pub struct Dense {
    /// W, `[inputs, outputs]`.
    pub weight: Param<Tensor<2>>,
    /// b, `[outputs]`.
    pub bias: Param<Tensor<1>>,
    /// φ.
    #[module(skip)]
    pub activation: Activation,
}

impl Dense {
    /// A layer with given weights: `weight` holds W row by row (`inputs · outputs` values).
    ///
    /// # Panics
    ///
    /// Panics if the number of values does not match the sizes.
    pub fn from_values(
        size: DenseConfig,
        weight: Vec<f64>,
        bias: Vec<f64>,
        dtype: DType,
        device: &Device,
    ) -> Self {
        let device = device.clone().autodiff();
        let weight = TensorData::new(weight, [size.inputs, size.outputs]);
        let bias = TensorData::new(bias, [size.outputs]);
        let weight = Tensor::<2>::from_data(weight, (&device, dtype));
        let bias = Tensor::<1>::from_data(bias, (&device, dtype));
        Self {
            weight: Param::initialized(ParamId::new(), weight.require_grad()),
            bias: Param::initialized(ParamId::new(), bias.require_grad()),
            activation: size.activation,
        }
    }

    /// `φ(x·W + b)`.
    ///
    /// # Shapes
    ///
    /// - input: `[batch, inputs]`
    /// - output: `[batch, outputs]`
    ///
    /// # Panics
    ///
    /// Panics if the input does not have `inputs` columns; see [`Dense::inputs`].
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.activation
            .apply(x.matmul(self.weight.val()) + self.bias.val().unsqueeze())
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.weight.val().dims()[0]
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.weight.val().dims()[1]
    }
}
