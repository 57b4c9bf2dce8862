//! How fast the machine is, and the kernels by themselves: for benchmarks.

use std::hint::black_box;
use std::time::Instant;

use pulp::{Arch, Simd, WithSimd};

use crate::error::KernelError;
use crate::lanes::{Active, BLOCK, Lanes};
use crate::team::Team;
use crate::tile::{Blocks, columns_product, rows_product};
use crate::transpose::transpose as transpose_block;

/// One of the two forms of matrix product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// The numbers of A lie along its rows.
    AlongRows,
    /// The numbers of A lie across its rows.
    AcrossRows,
}

/// Calls of `work` per second, on one thread.
fn rate(seconds: f64, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut calls = 0.0;
    while start.elapsed().as_secs_f64() < seconds {
        work();
        calls += 1.0;
    }
    calls / start.elapsed().as_secs_f64()
}

/// Floating-point operations per second of a product of weights `[rows, columns]` with 32 samples,
/// on one thread.
pub fn product(kernel: Kernel, rows: usize, columns: usize, seconds: f64) -> f64 {
    let panels = columns.div_ceil(BLOCK);
    let filled = |count| vec![Lanes([0.01; BLOCK]); count];
    let weights = filled(panels * rows);
    let (mut hidden, mut inputs) = (filled(rows), filled(panels * BLOCK));
    let calls = rate(seconds, || {
        Arch::new().dispatch(Product {
            kernel,
            weights: &weights,
            hidden: &mut hidden,
            inputs: &mut inputs,
        });
    });
    calls * 2.0 * (rows * panels * BLOCK * BLOCK) as f64
}

struct Product<'a> {
    kernel: Kernel,
    weights: &'a [Lanes],
    hidden: &'a mut [Lanes],
    inputs: &'a mut [Lanes],
}

struct Panels<'a>(&'a [Lanes], &'a [Lanes], usize);

impl Blocks for Panels<'_> {
    const SPARSE: bool = false;

    #[inline(always)]
    fn count(&self) -> usize {
        self.1.len() / BLOCK
    }

    #[inline(always)]
    fn block(&self, i: usize) -> (&[Lanes], Active<'_>) {
        (
            &self.0[i * self.2..][..self.2],
            Active::all(&self.1[i * BLOCK..][..BLOCK]),
        )
    }
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let rows = self.hidden.len();
        match self.kernel {
            Kernel::AlongRows => {
                let panels = Panels(self.weights, self.inputs, rows);
                rows_product(simd, self.hidden, BLOCK, true, &panels);
            }
            Kernel::AcrossRows => {
                let panels = self.inputs.chunks_mut(BLOCK).zip(self.weights.chunks(rows));
                for (inputs, weights) in panels {
                    columns_product(simd, inputs, BLOCK, weights, self.hidden);
                }
            }
        }
    }
}

/// Values of the sigmoid per second, on one thread.
pub fn sigmoid(seconds: f64) -> f64 {
    struct Apply<'a>(&'a mut [Lanes]);
    impl WithSimd for Apply<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for lanes in self.0 {
                for value in crate::lanes::vectors_mut::<S>(lanes) {
                    *value = crate::math::sigmoid(simd, *value);
                }
            }
        }
    }
    let mut values = vec![Lanes([0.3; BLOCK]); 64];
    let calls = rate(seconds, || {
        Arch::new().dispatch(Apply(black_box(&mut values)))
    });
    calls * (values.len() * BLOCK) as f64
}

/// Values per second that are transposed in blocks, on one thread.
pub fn transpose(seconds: f64) -> f64 {
    struct Turn<'a>(Arch, &'a [Lanes; BLOCK], &'a mut [Lanes; BLOCK]);
    impl WithSimd for Turn<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            transpose_block(self.0, self.1, self.2);
        }
    }
    let from = [Lanes([0.3; BLOCK]); BLOCK];
    let mut to = from;
    let arch = Arch::new();
    let calls = rate(seconds, || {
        arch.dispatch(Turn(arch, black_box(&from), black_box(&mut to)));
    });
    calls * (BLOCK * BLOCK) as f64
}

/// The most floating-point operations per second that `threads` threads reach together when they
/// multiply and add numbers in registers and do nothing else, over `seconds`.
///
/// # Errors
///
/// Fails where no threads can be started.
pub fn multiply_add_limit(threads: usize, seconds: f64) -> Result<f64, KernelError> {
    let mut team = Team::new(threads)?;
    let mut items = vec![0u64; team.threads()];
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        team.each(&mut items, 1, |_, operations| {
            operations[0] += Arch::new().dispatch(Spin);
        });
    }
    Ok(items.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64())
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
