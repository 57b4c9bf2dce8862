//! What is done to a block once ρ̂ is known.

use pulp::{Simd, WithSimd};

use super::block::Block;
use super::config::AutoencoderConfig;
use crate::lanes::{vectors, vectors_mut};

/// Δ2 from Δ3·W2ᵀ and the slopes of the sparsity terms.
pub(super) struct HiddenDelta<'a> {
    pub config: &'a AutoencoderConfig,
    pub slopes: &'a [f32],
    pub block: &'a mut Block,
}

impl WithSimd for HiddenDelta<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            config,
            slopes,
            block,
        } = self;
        let (shift, factor) = config.encoder.unit.activity(simd);
        let l1 = (config.l1 * config.encoder.unit.activity_slope()) as f32;
        let zero = simd.splat_f32s(0.0);
        let (plus, minus) = (simd.splat_f32s(l1), simd.splat_f32s(-l1));
        let units = block.back.iter_mut().zip(&block.code).zip(slopes);
        for (((back, code), &slope), sum) in units.zip(&mut block.sums.encoder_bias) {
            let slope = simd.splat_f32s(slope);
            let mut total = zero;
            let lanes = vectors_mut::<S>(back).iter_mut().zip(vectors::<S>(code));
            for ((back, &y), &per_row) in lanes.zip(block.place.per_row::<S>()) {
                let mut pull = slope;
                if l1 > 0.0 {
                    let activity = simd.mul_add_f32s(factor, y, shift);
                    let above = simd.greater_than_f32s(activity, zero);
                    let below = simd.less_than_f32s(activity, zero);
                    pull = simd.add_f32s(pull, simd.select_f32s(above, plus, zero));
                    pull = simd.add_f32s(pull, simd.select_f32s(below, minus, zero));
                }
                let sum = simd.mul_add_f32s(pull, per_row, *back);
                *back = config.encoder.back(simd, sum, y);
                total = simd.add_f32s(total, *back);
            }
            *sum = simd.reduce_sum_f32s(total);
        }
    }
}
