//! The units φ of encoders and decoders.

use std::fmt;

use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid};

/// An activation function φ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// 1 / (1 + e^(−p)), in (0, 1).
    #[default]
    Sigmoid,
    /// tanh p, in (−1, 1); inactive at −1.
    Tanh,
    /// p.
    Linear,
    /// p clipped to [0, 1] (MATLAB's `satlin`).
    Satlin,
    /// max(0, p).
    Relu,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 5] = [
        Self::Sigmoid,
        Self::Tanh,
        Self::Linear,
        Self::Satlin,
        Self::Relu,
    ];

    /// φ(P), elementwise.
    pub fn apply(self, p: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Sigmoid => sigmoid(p),
            Self::Tanh => p.tanh(),
            Self::Linear => p,
            Self::Satlin => p.clamp(0.0, 1.0),
            Self::Relu => relu(p),
        }
    }

    /// `delta ⊙ φ'(P)`, from the activation Y = φ(P): sigmoid Y(1 − Y), tanh 1 − Y², linear 1,
    /// satlin 1 within (0, 1), ReLU 1 above 0, both 0 elsewhere.
    pub fn back(self, delta: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Sigmoid => delta * (y.clone() * y.neg().add_scalar(1.0)),
            Self::Tanh => delta * y.square().neg().add_scalar(1.0),
            Self::Linear => delta,
            Self::Satlin => {
                let flat = y.clone().lower_equal_scalar(0.0);
                delta.mask_fill(flat.bool_or(y.greater_equal_scalar(1.0)), 0.0)
            }
            Self::Relu => delta.mask_fill(y.lower_equal_scalar(0.0), 0.0),
        }
    }

    /// How active a unit is, 0 at rest: (1 + Y)/2 for tanh, which rests at −1; Y for the others.
    pub(crate) fn activity(self, y: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Tanh => y.add_scalar(1.0).mul_scalar(0.5),
            _ => y,
        }
    }

    /// The mean activity of a unit whose mean activation is `mean`.
    pub fn mean_activity(self, mean: f64) -> f64 {
        match self {
            Self::Tanh => 0.5 * (1.0 + mean),
            _ => mean,
        }
    }

    /// The derivative of the activity by Y.
    pub(crate) fn activity_slope(self) -> f64 {
        match self {
            Self::Tanh => 0.5,
            _ => 1.0,
        }
    }

    /// Whether the activity stays in [0, 1], so that KL(ρ ‖ ρ̂) is defined.
    pub fn is_bounded(self) -> bool {
        matches!(self, Self::Sigmoid | Self::Tanh | Self::Satlin)
    }

    /// The least and largest values of φ.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Sigmoid | Self::Satlin => (0.0, 1.0),
            Self::Tanh => (-1.0, 1.0),
            Self::Linear => (f64::NEG_INFINITY, f64::INFINITY),
            Self::Relu => (0.0, f64::INFINITY),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Linear => "linear",
            Self::Satlin => "satlin",
            Self::Relu => "relu",
        })
    }
}

/// What a layer does to its pre-activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Activation {
    /// φ.
    pub unit: Unit,
    /// Of each sample only the k largest activations are kept, the others are 0 (k-sparse
    /// autoencoders, Makhzani and Frey 2013). Ties with the k-th are kept.
    pub top_k: Option<usize>,
}

impl Activation {
    /// Units without selection.
    pub fn of(unit: Unit) -> Self {
        Self { unit, top_k: None }
    }

    /// `[batch, units]` → `[batch, units]`.
    pub fn apply(&self, p: Tensor<2>) -> Tensor<2> {
        let y = self.unit.apply(p);
        let Some(k) = self.top_k else { return y };
        let plain = y.clone().inner();
        let least = plain.clone().topk(k, 1).min_dim(1);
        y.mask_fill(plain.lower(least), 0.0)
    }

    /// `delta ⊙ φ'(P)`, 0 where the activation was not kept.
    pub(crate) fn back(&self, delta: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        let dropped = self.top_k.map(|_| y.clone().equal_scalar(0.0));
        let delta = self.unit.back(delta, y);
        match dropped {
            Some(dropped) => delta.mask_fill(dropped, 0.0),
            None => delta,
        }
    }
}
