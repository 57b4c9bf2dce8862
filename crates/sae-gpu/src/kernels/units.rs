//! Units: φ, and what goes back through them.

use cubecl::prelude::*;
use sae_kernels::Unit;

/// φ(p).
#[cube]
pub(crate) fn value(p: f32, #[comptime] unit: Unit) -> f32 {
    if comptime!(unit == Unit::Sigmoid) {
        sigmoid(p)
    } else if comptime!(unit == Unit::Tanh) {
        let y = sigmoid(p + p);
        y + y - 1.0
    } else if comptime!(unit == Unit::Satlin) {
        select(p > 1.0, 1.0, select(p < 0.0, 0.0, p))
    } else if comptime!(unit == Unit::Relu) {
        select(p < 0.0, 0.0, p)
    } else {
        p
    }
}

/// 1 / (1 + e^−p), without numbers that are too large on the way.
#[cube]
pub(crate) fn sigmoid(p: f32) -> f32 {
    let e = f32::exp(-f32::abs(p));
    let upper = 1.0 / (1.0 + e);
    select(p < 0.0, e * upper, upper)
}

/// `back`·φ'(p) for y = φ(p).
#[cube]
pub(crate) fn slope(back: f32, y: f32, #[comptime] unit: Unit) -> f32 {
    if comptime!(unit == Unit::Sigmoid) {
        back * (y * (1.0 - y))
    } else if comptime!(unit == Unit::Tanh) {
        back * (1.0 - y * y)
    } else if comptime!(unit == Unit::Satlin) {
        select(y > 0.0, select(y < 1.0, back, 0.0), 0.0)
    } else if comptime!(unit == Unit::Relu) {
        select(y > 0.0, back, 0.0)
    } else {
        back
    }
}

/// 1 where `value` is no finite number, else 0. Asked of the bits: compilers of shaders may take it for
/// granted that there are no others.
#[cube]
pub(crate) fn not_finite(value: f32) -> f32 {
    let exponent = u32::reinterpret(value) & 0x7f80_0000u32;
    select(exponent == 0x7f80_0000u32, 1.0, 0.0)
}
