//! The two matrix products that everything is made of, on blocks of 32 columns.
//!
//! Both compute a tile of the result, up to 14 rows of 32 columns, wholly in registers: for each k
//! a row of B is loaded once and multiplied with one number of A per row of the tile. They differ
//! in where A's numbers lie. Every element is a sum over k in ascending order, whatever the tile and
//! whatever the thread, so results do not depend on how work is split.

use pulp::Simd;

use crate::lanes::{Active, BLOCK, Lanes, vectors, vectors_mut};
use crate::prefetch::prefetch;

/// `c[m] += Σ_k a[m].k · b[k]`: the numbers of A lie along its rows. `b` has up to 32 rows, as many
/// as count. On the way, the first rows of `next`, the operands of the next block, are fetched into
/// the cache: another processor may have written them.
#[inline(always)]
fn along_rows<S: Simd, const M: usize, const V: usize, const SPARSE: bool>(
    simd: S,
    acc: &mut [[S::f32s; V]; M],
    a: &[Lanes; M],
    b: Active<'_>,
    first: usize,
    next: (&[Lanes], &[Lanes]),
) {
    for (k, row) in b.rows.iter().enumerate().take(BLOCK) {
        prefetch(next.1, k);
        if k < M {
            prefetch(next.0, k);
        }
        // A row of zeros adds nothing to any sum.
        if SPARSE && b.mask >> k & 1 == 0 {
            continue;
        }
        let row: &[S::f32s; V] = vectors::<S>(row)[first..][..V]
            .try_into()
            .expect("V vectors");
        for m in 0..M {
            let number = simd.splat_f32s(a[m].0[k % BLOCK]);
            for v in 0..V {
                acc[m][v] = simd.mul_add_f32s(number, row[v], acc[m][v]);
            }
        }
    }
}

/// `c[m] += Σ_k a[k].(offset + m) · b[k]`: the numbers of A lie across its rows.
#[inline(always)]
fn across_rows<S: Simd, const M: usize, const V: usize>(
    simd: S,
    acc: &mut [[S::f32s; V]; M],
    a: &[Lanes],
    offset: usize,
    b: &[Lanes],
    first: usize,
) {
    for (a, b) in a.iter().zip(b) {
        let b: &[S::f32s; V] = vectors::<S>(b)[first..][..V].try_into().expect("V vectors");
        let b = *b;
        let a: &[f32; M] = a.0[offset..][..M].try_into().expect("M numbers");
        for m in 0..M {
            let number = simd.splat_f32s(a[m]);
            for v in 0..V {
                acc[m][v] = simd.mul_add_f32s(number, b[v], acc[m][v]);
            }
        }
    }
}

/// Most rows of a tile: their registers, two of B and one for a number of A fit in the 32 of
/// AVX-512 (and 6 rows in AVX2's 16).
pub(crate) const MOST_ROWS: usize = 14;

/// A product whose tiles are worked on one after the other.
trait Product<S: Simd> {
    /// Adds to the rows `first..first + M` of the result, the `V` registers from `vector` on.
    fn add<const M: usize, const V: usize>(
        &self,
        simd: S,
        acc: &mut [[S::f32s; V]; M],
        first: usize,
        vector: usize,
    );
}

/// One tile: its registers are loaded from `c` unless it is `fresh`, worked on, and stored.
#[inline(always)]
fn tile<S: Simd, P: Product<S>, const M: usize, const V: usize>(
    simd: S,
    c: &mut [Lanes],
    first: usize,
    lanes: usize,
    fresh: bool,
    product: &P,
) {
    let c: &mut [Lanes; M] = (&mut c[first..][..M]).try_into().expect("M rows");
    let mut vector = 0;
    while vector < lanes / S::F32_LANES {
        let mut acc = [[simd.splat_f32s(0.0); V]; M];
        if !fresh {
            for m in 0..M {
                acc[m].copy_from_slice(&vectors::<S>(&c[m])[vector..][..V]);
            }
        }
        product.add(simd, &mut acc, first, vector);
        for m in 0..M {
            vectors_mut::<S>(&mut c[m])[vector..][..V].copy_from_slice(&acc[m]);
        }
        vector += V;
    }
}

/// The first `lanes` columns, a half or the whole, of all rows of `c`.
#[inline(always)]
fn tiles<S: Simd, P: Product<S>>(simd: S, c: &mut [Lanes], lanes: usize, fresh: bool, product: &P) {
    // Half a row may be one register; a tile is else as wide as two.
    match lanes == S::F32_LANES {
        true => tiles_of_width::<S, P, 1>(simd, c, lanes, fresh, product),
        false => tiles_of_width::<S, P, 2>(simd, c, lanes, fresh, product),
    }
}

/// In tiles of nearly equal size, the largest that fit in registers.
#[inline(always)]
fn tiles_of_width<S: Simd, P: Product<S>, const V: usize>(
    simd: S,
    c: &mut [Lanes],
    lanes: usize,
    fresh: bool,
    product: &P,
) {
    let wide = S::F32_LANES == 16;
    let count = c.len().div_ceil(if wide { MOST_ROWS } else { 6 });
    let mut first = 0;
    for number in 0..count {
        let size = (c.len() - first).div_ceil(count - number);
        match size {
            1 => tile::<S, P, 1, V>(simd, c, first, lanes, fresh, product),
            2 => tile::<S, P, 2, V>(simd, c, first, lanes, fresh, product),
            3 => tile::<S, P, 3, V>(simd, c, first, lanes, fresh, product),
            4 => tile::<S, P, 4, V>(simd, c, first, lanes, fresh, product),
            5 => tile::<S, P, 5, V>(simd, c, first, lanes, fresh, product),
            6 => tile::<S, P, 6, V>(simd, c, first, lanes, fresh, product),
            7 if wide => tile::<S, P, 7, V>(simd, c, first, lanes, fresh, product),
            8 if wide => tile::<S, P, 8, V>(simd, c, first, lanes, fresh, product),
            9 if wide => tile::<S, P, 9, V>(simd, c, first, lanes, fresh, product),
            10 if wide => tile::<S, P, 10, V>(simd, c, first, lanes, fresh, product),
            11 if wide => tile::<S, P, 11, V>(simd, c, first, lanes, fresh, product),
            12 if wide => tile::<S, P, 12, V>(simd, c, first, lanes, fresh, product),
            13 if wide => tile::<S, P, 13, V>(simd, c, first, lanes, fresh, product),
            14 if wide => tile::<S, P, 14, V>(simd, c, first, lanes, fresh, product),
            _ => unreachable!("tiles are no larger than asked for"),
        }
        first += size;
    }
}

/// The blocks of a product along rows.
pub(crate) trait Blocks {
    /// Whether rows of B may be known to be zero.
    const SPARSE: bool;

    /// How many there are.
    fn count(&self) -> usize;

    /// Block i: the rows of A, as many as the result has, and those of B, up to 32.
    fn block(&self, i: usize) -> (&[Lanes], Active<'_>);
}

/// `c[m] (+)= Σ_i Σ_k a_i[m].k · b_i[k]` over all blocks, in the first `lanes` columns; `fresh` begins
/// at zero instead of at `c`.
#[inline(always)]
pub(crate) fn rows_product<S: Simd>(
    simd: S,
    c: &mut [Lanes],
    lanes: usize,
    fresh: bool,
    blocks: &impl Blocks,
) {
    struct Along<'a, B>(&'a B);
    impl<S: Simd, B: Blocks> Product<S> for Along<'_, B> {
        #[inline(always)]
        fn add<const M: usize, const V: usize>(
            &self,
            simd: S,
            acc: &mut [[S::f32s; V]; M],
            first: usize,
            vector: usize,
        ) {
            for i in 0..self.0.count() {
                let (a, b) = self.0.block(i);
                let a = a[first..][..M].try_into().expect("M rows");
                let (next_a, next_b) = self.0.block((i + 1).min(self.0.count() - 1));
                let next = (&next_a[first..], next_b.rows);
                match B::SPARSE {
                    true => along_rows::<S, M, V, true>(simd, acc, a, b, vector, next),
                    false => along_rows::<S, M, V, false>(simd, acc, a, b, vector, next),
                }
            }
        }
    }
    tiles(simd, c, lanes, fresh, &Along(blocks));
}

/// `c[m] = Σ_k a[k].m · b[k]` in the first `lanes` columns, for `a` and `b` with the same number of
/// rows.
#[inline(always)]
pub(crate) fn columns_product<S: Simd>(
    simd: S,
    c: &mut [Lanes],
    lanes: usize,
    a: &[Lanes],
    b: &[Lanes],
) {
    struct Across<'a>(&'a [Lanes], &'a [Lanes]);
    impl<S: Simd> Product<S> for Across<'_> {
        #[inline(always)]
        fn add<const M: usize, const V: usize>(
            &self,
            simd: S,
            acc: &mut [[S::f32s; V]; M],
            first: usize,
            vector: usize,
        ) {
            across_rows(simd, acc, self.0, first, self.1, vector);
        }
    }
    tiles(simd, c, lanes, true, &Across(a, b));
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, Scalar, WithSimd};

    use super::*;

    fn lanes(rows: usize, salt: usize) -> Vec<Lanes> {
        let value = |i: usize, j: usize| ((i * 37 + j * 11 + salt) % 23) as f32 - 11.0;
        let row = |i| Lanes(std::array::from_fn(|j| value(i, j)));
        (0..rows).map(row).collect()
    }

    struct Case {
        rows: usize,
        /// Rows of B in each block.
        depths: Vec<usize>,
    }

    struct Operands(Vec<(Vec<Lanes>, Vec<Lanes>)>);

    impl Blocks for Operands {
        const SPARSE: bool = true;

        fn count(&self) -> usize {
            self.0.len()
        }

        fn block(&self, i: usize) -> (&[Lanes], Active<'_>) {
            let (a, b) = &self.0[i];
            let mask = |(k, row): (usize, &Lanes)| u32::from(row.0 != [0.0; BLOCK]) << k;
            let mask = b.iter().enumerate().map(mask).sum();
            (a, Active { rows: b, mask })
        }
    }

    struct Both<'a>(&'a Case);

    impl WithSimd for Both<'_> {
        type Output = ();

        /// Small whole numbers: every sum is exact, whatever its order.
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Case { rows, depths } = self.0;
            let blocks = depths.iter().enumerate();
            // Every third block has rows of zeros.
            let with_zeros = |i: usize, mut rows: Vec<Lanes>| {
                let every = if i.is_multiple_of(3) { 4 } else { usize::MAX };
                rows.iter_mut()
                    .step_by(every)
                    .for_each(|row| *row = Lanes::ZERO);
                rows
            };
            let blocks =
                blocks.map(|(i, &depth)| (lanes(*rows, i), with_zeros(i, lanes(depth, 5 + i))));
            let operands = Operands(blocks.collect());
            for fresh in [true, false] {
                let start = lanes(*rows, 9);
                let mut found = start.clone();
                rows_product(simd, &mut found, BLOCK, fresh, &operands);
                for m in 0..*rows {
                    for j in 0..BLOCK {
                        let sum: f32 = operands
                            .0
                            .iter()
                            .flat_map(|(a, b)| {
                                b.iter().enumerate().map(|(k, b)| (a[m].0[k], b.0[j]))
                            })
                            .map(|(a, b)| a * b)
                            .sum();
                        let before = if fresh { 0.0 } else { start[m].0[j] };
                        assert_eq!(found[m].0[j], before + sum);
                    }
                }
            }
            let (a, b) = (lanes(depths[0], 1), lanes(depths[0], 2));
            let mut found = lanes((*rows).min(BLOCK), 3);
            columns_product(simd, &mut found, BLOCK, &a, &b);
            for (m, row) in found.iter().enumerate() {
                for j in 0..BLOCK {
                    let sum: f32 = a.iter().zip(&b).map(|(a, b)| a.0[m] * b.0[j]).sum();
                    assert_eq!(row.0[j], sum);
                }
            }
        }
    }

    /// With all instruction sets that this machine has.
    #[test]
    fn products_are_sums_of_products() {
        for rows in [1, 6, 7, 13, 14, 15, 32, 43] {
            for depths in [vec![32], vec![1], vec![32, 32, 5], vec![17, 32]] {
                let case = Case { rows, depths };
                Both(&case).with_simd(Scalar);
                Arch::new().dispatch(Both(&case));
                #[cfg(target_arch = "x86_64")]
                if let Some(v3) = pulp::x86::V3::try_new() {
                    pulp::Simd::vectorize(v3, Both(&case));
                }
            }
        }
    }
}
