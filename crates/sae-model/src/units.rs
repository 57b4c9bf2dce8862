//! The units φ on tensors. The units themselves are `sae-kernels`': one type for every executor.

use burn::tensor::Tensor;

pub use sae_kernels::{Activation, Unit};

/// An activation function on tensors, `[batch, units]`.
pub trait OnTensors {
    /// φ(P), elementwise.
    fn apply(&self, p: Tensor<2>) -> Tensor<2>;

    /// `delta ⊙ φ'(P)`, from the activation Y = φ(P).
    fn back(&self, delta: Tensor<2>, y: Tensor<2>) -> Tensor<2>;
}

/// At a kink, where φ has no derivative, both rules take 0: that of ReLU and satlin at P = 0 and of
/// satlin at P = 1. Masks, unlike `clamp`, keep to that under automatic differentiation, and keep
/// what is not a number.
impl OnTensors for Unit {
    fn apply(&self, p: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Sigmoid => burn::tensor::activation::sigmoid(p),
            Self::Tanh => p.tanh(),
            Self::Linear => p,
            Self::Satlin => {
                let (low, high) = (
                    p.clone().lower_equal_scalar(0.0),
                    p.clone().greater_equal_scalar(1.0),
                );
                p.mask_fill(low, 0.0).mask_fill(high, 1.0)
            }
            Self::Relu => {
                let low = p.clone().lower_equal_scalar(0.0);
                p.mask_fill(low, 0.0)
            }
        }
    }

    /// Sigmoid Y(1 − Y), tanh 1 − Y², linear 1, satlin 1 within (0, 1), ReLU 1 above 0, both 0
    /// elsewhere.
    fn back(&self, delta: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
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
}

impl OnTensors for Activation {
    /// φ(P); with top-k the k largest of each row, and all that equal the k-th, the others 0.
    fn apply(&self, p: Tensor<2>) -> Tensor<2> {
        let y = self.unit.apply(p);
        let Some(k) = self.top_k else { return y };
        let plain = y.clone().inner();
        let least = plain.clone().topk(k, 1).min_dim(1);
        y.mask_fill(plain.lower(least), 0.0)
    }

    /// As the unit's, and 0 where the activation was not kept.
    fn back(&self, delta: Tensor<2>, y: Tensor<2>) -> Tensor<2> {
        let dropped = self.top_k.map(|_| y.clone().equal_scalar(0.0));
        let delta = self.unit.back(delta, y);
        match dropped {
            Some(dropped) => delta.mask_fill(dropped, 0.0),
            None => delta,
        }
    }
}

/// How active a unit is, 0 at rest: (1 + Y)/2 for tanh, which rests at −1; Y for the others.
pub(crate) fn activity(unit: Unit, y: Tensor<2>) -> Tensor<2> {
    match unit {
        Unit::Tanh => y.add_scalar(1.0).mul_scalar(0.5),
        _ => y,
    }
}
