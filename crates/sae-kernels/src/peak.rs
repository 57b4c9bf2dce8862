//! The machine's limit: multiply-adds in registers, for benchmarks to compare with.

use std::hint::black_box;
use std::time::Instant;

use pulp::{Arch, Simd, WithSimd};

use crate::team::Team;

/// The most floating-point operations per second that `threads` threads reach together when they
/// multiply and add numbers in registers and do nothing else, over `seconds`.
pub fn multiply_add_limit(threads: usize, seconds: f64) -> f64 {
    let mut team = Team::new(threads);
    let mut items = vec![0u64; team.threads()];
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        team.each(&mut items, 1, |_, operations| {
            operations[0] += Arch::new().dispatch(Spin);
        });
    }
    items.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64()
}

struct Spin;

impl WithSimd for Spin {
    /// Floating-point operations that were done.
    type Output = u64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> u64 {
        const CHAINS: usize = 12;
        const ROUNDS: u64 = 100_000;
        let mut sums = [simd.splat_f32s(0.5); CHAINS];
        let factor = simd.splat_f32s(black_box(0.999));
        let term = simd.splat_f32s(black_box(1e-3));
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, factor, term);
            }
        }
        for sum in sums {
            black_box(simd.reduce_sum_f32s(sum));
        }
        2 * (CHAINS * S::F32_LANES) as u64 * ROUNDS
    }
}
