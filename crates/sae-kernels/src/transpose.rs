//! The transpose of a block.

use pulp::Arch;

use crate::lanes::{BLOCK, Lanes};

/// The transpose of up to 32 rows. Rows that `from` lacks count as zero.
#[inline(always)]
pub(crate) fn transpose(arch: Arch, from: &[Lanes], to: &mut [Lanes; BLOCK]) {
    match (arch, <&[Lanes; BLOCK]>::try_from(from)) {
        #[cfg(target_arch = "x86_64")]
        (Arch::V4(v4), Ok(from)) => avx512::transpose(v4, from, to),
        _ => by_element(from, to),
    }
}

#[inline(always)]
fn by_element(from: &[Lanes], to: &mut [Lanes; BLOCK]) {
    for (j, row) in to.iter_mut().enumerate() {
        row.0[from.len()..].fill(0.0);
        for (value, from) in row.0.iter_mut().zip(from) {
            *value = from.0[j];
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::__m512;

    use pulp::x86::V4;

    use super::{BLOCK, Lanes};

    const HALF: usize = BLOCK / 2;

    /// Four quarters of 16 rows of one register.
    #[inline(always)]
    pub(super) fn transpose(v4: V4, from: &[Lanes; BLOCK], to: &mut [Lanes; BLOCK]) {
        for top in [0, HALF] {
            for left in [0, HALF] {
                let mut rows = [[0.0; HALF]; HALF];
                for (row, from) in rows.iter_mut().zip(&from[top..]) {
                    row.copy_from_slice(&from.0[left..][..HALF]);
                }
                let columns = quarter(v4, rows.map(bytemuck::cast));
                for (to, column) in to[left..].iter_mut().zip(columns) {
                    let column: [f32; HALF] = bytemuck::cast(column);
                    to.0[top..][..HALF].copy_from_slice(&column);
                }
            }
        }
    }

    /// Pairs of rows are interleaved, then pairs of pairs; four such rows then hold, in each
    /// register's quarters, four columns each, which two rounds of shuffles bring together.
    #[inline(always)]
    fn quarter(v4: V4, rows: [__m512; HALF]) -> [__m512; HALF] {
        let f = v4.avx512f;
        let mut fours = rows;
        for i in 0..HALF / 4 {
            let [a, b, c, d] = [0, 1, 2, 3].map(|j| rows[4 * i + j]);
            let low = [f._mm512_unpacklo_ps(a, b), f._mm512_unpacklo_ps(c, d)];
            let high = [f._mm512_unpackhi_ps(a, b), f._mm512_unpackhi_ps(c, d)];
            let pairs = |[a, b]: [__m512; 2]| {
                let (a, b) = (f._mm512_castps_pd(a), f._mm512_castps_pd(b));
                let (low, high) = (f._mm512_unpacklo_pd(a, b), f._mm512_unpackhi_pd(a, b));
                [f._mm512_castpd_ps(low), f._mm512_castpd_ps(high)]
            };
            [fours[4 * i], fours[4 * i + 1]] = pairs(low);
            [fours[4 * i + 2], fours[4 * i + 3]] = pairs(high);
        }
        let mut columns = rows;
        for j in 0..4 {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| fours[4 * i + j]);
            let even = [
                f._mm512_shuffle_f32x4::<0x88>(a, b),
                f._mm512_shuffle_f32x4::<0x88>(c, d),
            ];
            let odd = [
                f._mm512_shuffle_f32x4::<0xdd>(a, b),
                f._mm512_shuffle_f32x4::<0xdd>(c, d),
            ];
            columns[j] = f._mm512_shuffle_f32x4::<0x88>(even[0], even[1]);
            columns[8 + j] = f._mm512_shuffle_f32x4::<0xdd>(even[0], even[1]);
            columns[4 + j] = f._mm512_shuffle_f32x4::<0x88>(odd[0], odd[1]);
            columns[12 + j] = f._mm512_shuffle_f32x4::<0xdd>(odd[0], odd[1]);
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Simd, WithSimd};

    use super::*;

    struct Transpose<'a>(Arch, &'a [Lanes], &'a mut [Lanes; BLOCK]);

    impl WithSimd for Transpose<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            transpose(self.0, self.1, self.2);
        }
    }

    #[test]
    fn rows_become_columns() {
        let mut block = [Lanes::ZERO; BLOCK];
        for (i, row) in block.iter_mut().enumerate() {
            row.0 = std::array::from_fn(|j| (i * BLOCK + j) as f32);
        }
        for rows in [BLOCK, 5, 0] {
            let mut turned = [Lanes([-1.0; BLOCK]); BLOCK];
            let arch = Arch::new();
            arch.dispatch(Transpose(arch, &block[..rows], &mut turned));
            for (i, row) in turned.iter().enumerate() {
                for (j, &value) in row.0.iter().enumerate() {
                    let expected = if j < rows { block[j].0[i] } else { 0.0 };
                    assert_eq!(value, expected);
                }
            }
        }
    }
}
