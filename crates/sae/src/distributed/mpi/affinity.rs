//! On which processors a process may run.

#[cfg(not(target_os = "linux"))]
use std::thread;

/// Processors on which this process may run, one bit each.
#[cfg(target_os = "linux")]
pub(super) fn affinity() -> Vec<u64> {
    use rustix::thread::{CpuSet, sched_getaffinity};
    let mut words = vec![0u64; CpuSet::MAX_CPU.div_ceil(64)];
    if let Ok(set) = sched_getaffinity(None) {
        for cpu in (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)) {
            words[cpu / 64] |= 1 << (cpu % 64);
        }
    }
    words
}

#[cfg(not(target_os = "linux"))]
pub(super) fn affinity() -> Vec<u64> {
    let count = thread::available_parallelism().map_or(1, usize::from);
    vec![u64::MAX >> (64 - count.clamp(1, 64))]
}
