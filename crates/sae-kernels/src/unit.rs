//! Units on vector registers. The derivative is a function of the unit's value.

use pulp::Simd;

use crate::math::sigmoid;

/// The unit φ of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 1 / (1 + e^−x).
    Sigmoid,
    /// tanh x.
    Tanh,
    /// x.
    Linear,
    /// x clipped to [0, 1].
    Satlin,
    /// x clipped at 0.
    Relu,
}

impl Unit {
    /// φ(x).
    #[inline(always)]
    pub(crate) fn value<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let splat = |value| simd.splat_f32s(value);
        match self {
            Self::Sigmoid => sigmoid(simd, x),
            // Near 0 this loses relative, not absolute, precision.
            Self::Tanh => {
                let y = sigmoid(simd, simd.add_f32s(x, x));
                simd.sub_f32s(simd.add_f32s(y, y), splat(1.0))
            }
            Self::Linear => x,
            Self::Satlin => simd.min_f32s(simd.max_f32s(x, splat(0.0)), splat(1.0)),
            Self::Relu => simd.max_f32s(x, splat(0.0)),
        }
    }

    /// `back`·φ'(x) for y = φ(x).
    #[inline(always)]
    pub(crate) fn back<S: Simd>(self, simd: S, back: S::f32s, y: S::f32s) -> S::f32s {
        let splat = |value| simd.splat_f32s(value);
        let where_positive = |y, of| {
            let inside = simd.greater_than_f32s(y, splat(0.0));
            simd.select_f32s(inside, of, splat(0.0))
        };
        match self {
            Self::Sigmoid => {
                let slope = simd.mul_f32s(y, simd.sub_f32s(splat(1.0), y));
                simd.mul_f32s(back, slope)
            }
            Self::Tanh => {
                let slope = simd.sub_f32s(splat(1.0), simd.mul_f32s(y, y));
                simd.mul_f32s(back, slope)
            }
            Self::Linear => back,
            Self::Satlin => where_positive(simd.sub_f32s(splat(1.0), y), where_positive(y, back)),
            Self::Relu => where_positive(y, back),
        }
    }

    /// (shift, factor) of the activity shift + factor·y that sparsity is about, which rests at 0.
    pub(crate) fn activity(self) -> (f32, f32) {
        match self {
            Self::Tanh => (0.5, 0.5),
            _ => (0.0, 1.0),
        }
    }
}
