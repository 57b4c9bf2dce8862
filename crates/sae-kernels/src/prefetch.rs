//! Asking for memory before it is needed.

#![allow(
    unsafe_code,
    reason = "a hint to the processor, which Rust counts as unsafe"
)]

use crate::lanes::Lanes;

/// Fetches row `k` of `rows` into the cache, where there is such a row and such a hint.
#[inline(always)]
pub(crate) fn prefetch(rows: &[Lanes], k: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = rows.as_ptr().wrapping_add(k).cast::<i8>();
        // SAFETY: a prefetch reads nothing and never faults, whatever the address.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line);
            _mm_prefetch::<_MM_HINT_T0>(line.wrapping_add(64));
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (rows, k);
}
