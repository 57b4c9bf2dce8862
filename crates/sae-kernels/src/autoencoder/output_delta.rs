//! What a panel of outputs adds to the reconstruction term, and Δ3.

use pulp::Simd;

use super::config::AutoencoderConfig;
use crate::lanes::{BLOCK, Lanes, vectors, vectors_mut};
use crate::math::sigmoid;
use crate::reconstruction::Reconstruction;
use crate::samples::Place;

/// A panel's share of the sums over samples.
pub(super) struct Loss {
    /// Of the reconstruction term.
    pub reconstruction: f64,
    /// Σ(z − x)² / R.
    pub squared_error: f64,
}

impl AutoencoderConfig {
    /// Replaces Y·W2 by Δ3, both `[input, sample]`.
    #[inline(always)]
    pub(super) fn output_delta<S: Simd>(
        &self,
        simd: S,
        delta: &mut [Lanes],
        bias: &[f32],
        targets: &[Lanes],
        place: &Place,
    ) -> Loss {
        match self.reconstruction {
            Reconstruction::SquaredError => self.squared_error(simd, delta, bias, targets, place),
            Reconstruction::CrossEntropy => cross_entropy(simd, delta, bias, targets, place),
        }
    }

    /// Δ3 = (Z − X) ⊙ φ'(P3) / R.
    #[inline(always)]
    fn squared_error<S: Simd>(
        &self,
        simd: S,
        delta: &mut [Lanes],
        bias: &[f32],
        targets: &[Lanes],
        place: &Place,
    ) -> Loss {
        let mut squares = simd.splat_f32s(0.0);
        for ((delta, target), &bias) in delta.iter_mut().zip(targets).zip(bias) {
            let bias = simd.splat_f32s(bias);
            let lanes = vectors_mut::<S>(delta).iter_mut().zip(vectors::<S>(target));
            for ((delta, &x), &per_row) in lanes.zip(place.per_row::<S>()) {
                let z = self.decoder.value(simd, simd.add_f32s(*delta, bias));
                let error = simd.sub_f32s(z, x);
                let share = simd.mul_f32s(error, per_row);
                squares = simd.mul_add_f32s(error, share, squares);
                *delta = self.decoder.slope(simd, share, z);
            }
        }
        let squared_error = f64::from(simd.reduce_sum_f32s(squares));
        Loss {
            reconstruction: 0.5 * squared_error,
            squared_error,
        }
    }
}

/// Δ3 = (Z − X) / R: the logarithms' slopes cancel φ'.
///
/// With s = 1 where p > 0 and else 0, −x log z − (1 − x) log(1 − z) = p(s − x) − log max(z, 1 − z).
/// Neither part cancels. A sample's outputs have one logarithm together, of their product, which
/// is at least 2⁻³².
#[inline(always)]
fn cross_entropy<S: Simd>(
    simd: S,
    delta: &mut [Lanes],
    bias: &[f32],
    targets: &[Lanes],
    place: &Place,
) -> Loss {
    let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
    let (mut squares, mut linear) = (zero, zero);
    let mut products = Lanes([1.0; BLOCK]);
    for ((delta, target), &bias) in delta.iter_mut().zip(targets).zip(bias) {
        let bias = simd.splat_f32s(bias);
        let lanes = vectors_mut::<S>(delta).iter_mut().zip(vectors::<S>(target));
        let lanes = lanes.zip(vectors_mut::<S>(&mut products));
        for (((delta, &x), product), &per_row) in lanes.zip(place.per_row::<S>()) {
            let p = simd.add_f32s(*delta, bias);
            let z = sigmoid(simd, p);
            let error = simd.sub_f32s(z, x);
            let share = simd.mul_f32s(error, per_row);
            squares = simd.mul_add_f32s(error, share, squares);
            let above = simd.greater_than_f32s(p, zero);
            let slope = simd.sub_f32s(simd.select_f32s(above, one, zero), x);
            linear = simd.mul_add_f32s(simd.mul_f32s(p, per_row), slope, linear);
            let larger = simd.select_f32s(above, z, simd.sub_f32s(one, z));
            *product = simd.mul_f32s(*product, larger);
            *delta = share;
        }
    }
    let logarithms = products.0[..place.count].iter().map(|p| f64::from(*p).ln());
    let linear = f64::from(simd.reduce_sum_f32s(linear));
    Loss {
        reconstruction: linear - f64::from(place.share()) * logarithms.sum::<f64>(),
        squared_error: f64::from(simd.reduce_sum_f32s(squares)),
    }
}
