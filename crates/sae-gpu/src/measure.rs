//! How fast the device is, for benchmarks.

use std::time::Instant;

use cubecl::prelude::CubeCount;

use crate::device::{Gpu, WORD, cube};
use crate::error::GpuError;
use crate::kernels::ALL;
use crate::kernels::limits::{CHAINS, copy, multiply_add};

/// What a device can do at best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Bytes per second that are copied, each of which is read and written.
    pub copy: f64,
    /// Floating-point operations per second in `f32`, of multiply-adds in registers.
    pub multiply_add: f64,
}

/// Measures for about `seconds` each.
///
/// # Errors
///
/// Fails where the device does.
pub fn limits(gpu: &Gpu, seconds: f64) -> Result<Limits, GpuError> {
    let cubes = (gpu.largest_buffer() / WORD / ALL).min(1 << 16) - 1;
    let count = cubes * ALL;
    let (from, to) = (gpu.zeros(count), gpu.zeros(count));
    let cubes = CubeCount::Static(cubes as u32, 1, 1);
    #[allow(unsafe_code)]
    let copied = rate(gpu, seconds, || {
        // SAFETY: both have as many values.
        unsafe {
            copy::launch_unchecked(
                &gpu.client,
                cubes.clone(),
                cube(),
                from.arg(),
                to.arg(),
                count as u32,
            );
        }
    })?;
    const TURNS: usize = 256;
    #[allow(unsafe_code)]
    let computed = rate(gpu, seconds, || {
        // SAFETY: it has a value for each unit.
        unsafe {
            multiply_add::launch_unchecked(
                &gpu.client,
                cubes.clone(),
                cube(),
                to.arg(),
                0.5,
                TURNS as u32,
            );
        }
    })?;
    Ok(Limits {
        copy: copied * (2 * WORD * count) as f64,
        multiply_add: computed * (2 * CHAINS * TURNS * count) as f64,
    })
}

/// Calls of `launch` per second.
fn rate(gpu: &Gpu, seconds: f64, launch: impl Fn()) -> Result<f64, GpuError> {
    launch();
    gpu.wait()?;
    let mut calls = 1u32;
    loop {
        let start = Instant::now();
        (0..calls).for_each(|_| launch());
        gpu.wait()?;
        let taken = start.elapsed().as_secs_f64();
        if taken >= seconds {
            return Ok(f64::from(calls) / taken);
        }
        calls = calls.saturating_mul(2);
    }
}
