//! The exponential function and the logistic sigmoid on vector registers.

use pulp::Simd;

/// e^x for x in [−87.3, 88.3], clamped outside. With n = round(x / ln 2) and r = x − n·ln 2, e^x is
/// 2^n·e^r, and e^r a polynomial of degree 6 (the coefficients of Cephes' `expf`, Moshier 1989).
/// Its relative error is below 2·10⁻⁷, which a test checks over the whole range.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Added to a number below 2²², this puts its nearest integer, plus the bias of the exponent,
    // into the lowest bits.
    const ROUND: f32 = 12_582_912.0 + 127.0;
    const POLYNOMIAL: [f32; 6] = [
        1.987_569_1e-4,
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5e-1,
    ];
    let splat = |value| simd.splat_f32s(value);
    let x = at_most(simd, 88.3, at_least(simd, -87.3, x));
    let biased = simd.mul_add_f32s(x, splat(std::f32::consts::LOG2_E), splat(ROUND));
    let n = simd.sub_f32s(biased, splat(ROUND));
    // ln 2 in two parts, of which the first times n is exact.
    let r = simd.mul_add_f32s(n, splat(-0.693_359_4), x);
    let r = simd.mul_add_f32s(n, splat(2.121_944_4e-4), r);
    let mut p = splat(POLYNOMIAL[0]);
    for &coefficient in &POLYNOMIAL[1..] {
        p = simd.mul_add_f32s(p, r, splat(coefficient));
    }
    let one = splat(1.0);
    let p = simd.mul_add_f32s(p, simd.mul_f32s(r, r), simd.add_f32s(r, one));
    let bits = simd.transmute_u32s_f32s(biased);
    let power = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    simd.mul_f32s(p, simd.transmute_f32s_u32s(power))
}

/// max(least, x); unlike the instruction, whose answer differs from set to set, this keeps what is
/// not a number.
#[inline(always)]
pub(crate) fn at_least<S: Simd>(simd: S, least: f32, x: S::f32s) -> S::f32s {
    let least = simd.splat_f32s(least);
    simd.select_f32s(simd.less_than_f32s(x, least), least, x)
}

/// min(most, x), as [`at_least`].
#[inline(always)]
pub(crate) fn at_most<S: Simd>(simd: S, most: f32, x: S::f32s) -> S::f32s {
    let most = simd.splat_f32s(most);
    simd.select_f32s(simd.greater_than_f32s(x, most), most, x)
}

/// 1 / (1 + e^−x).
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let e = exp(simd, simd.neg_f32s(x));
    simd.div_f32s(one, simd.add_f32s(one, e))
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct Apply<'a>(&'a mut [f32], bool);

    impl WithSimd for Apply<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for value in self.0 {
                let x = simd.splat_f32s(*value);
                let y = if self.1 {
                    sigmoid(simd, x)
                } else {
                    exp(simd, x)
                };
                *value = bytemuck::cast_slice::<S::f32s, f32>(&[y])[0];
            }
        }
    }

    /// Every 97th of the numbers that f32 has in the range.
    fn numbers(least: f32, most: f32) -> impl Iterator<Item = f32> {
        let positive = (0..most.to_bits()).step_by(97).map(f32::from_bits);
        let negative = (0..(-least).to_bits()).step_by(97).map(f32::from_bits);
        positive.chain(negative.map(|x| -x))
    }

    #[test]
    fn exp_is_right_over_its_whole_range() {
        let mut worst: f64 = 0.0;
        let mut check = |inputs: &[f32]| {
            let mut values = inputs.to_vec();
            Arch::new().dispatch(Apply(&mut values, false));
            for (&x, &y) in inputs.iter().zip(&values) {
                let exact = f64::from(x).exp();
                worst = worst.max(((f64::from(y) - exact) / exact).abs());
            }
        };
        let all: Vec<f32> = numbers(-87.3, 88.3).collect();
        all.chunks(65536).for_each(&mut check);
        assert!(worst < 2e-7, "{worst:e}");
    }

    #[test]
    fn sigmoid_is_right_everywhere() {
        let mut worst: f64 = 0.0;
        for inputs in numbers(-80.0, 100.0).collect::<Vec<_>>().chunks(65536) {
            let mut values = inputs.to_vec();
            Arch::new().dispatch(Apply(&mut values, true));
            for (&x, &y) in inputs.iter().zip(&values) {
                let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
                worst = worst.max(((f64::from(y) - exact) / exact).abs());
            }
        }
        assert!(worst < 4e-7, "{worst:e}");
        let mut extremes = [-200.0, -1e30, f32::NEG_INFINITY, 200.0, f32::INFINITY];
        Arch::new().dispatch(Apply(&mut extremes, true));
        assert!(extremes[..3].iter().all(|y| (0.0..1e-37).contains(y)));
        assert_eq!(extremes[3..], [1.0, 1.0]);
    }
}
