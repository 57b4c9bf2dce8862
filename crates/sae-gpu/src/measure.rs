//! How fast the device is, for benchmarks.

use std::cell::Cell;
use std::time::Instant;

use cubecl::prelude::CubeCount;

use crate::device::{Gpu, WORD, cube, failed};
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
        Ok(())
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
        Ok(())
    })?;
    Ok(Limits {
        copy: copied * (2 * WORD * count) as f64,
        multiply_add: computed * (2 * CHAINS * TURNS * count) as f64,
    })
}

/// Seconds that a launch costs, of a kernel that does next to nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LaunchCost {
    /// Launched by the host, each with a number of its own, as an update is.
    pub launched: f64,
    /// Replayed from a graph of a step's launches, before which something is written that they read, as the rows of a
    /// batch are; nothing where the device has no graphs.
    pub replayed: Option<f64>,
}

/// Launches of a step.
const OF_STEP: u32 = 6;

/// Measures both for about `seconds` each. Steps are launched, not replayed, until a device is seen on which this
/// gains something: WebGPU has no graphs, and CubeCL's encode each launch anew.
///
/// # Errors
///
/// Fails where the device does.
pub fn launch_cost(gpu: &Gpu, seconds: f64) -> Result<LaunchCost, GpuError> {
    let (from, to) = (gpu.zeros(ALL), gpu.zeros(ALL));
    #[allow(unsafe_code)]
    let launch = |count: u32| {
        // SAFETY: both have more values.
        unsafe {
            copy::launch_unchecked(
                &gpu.client,
                CubeCount::Static(1, 1, 1),
                cube(),
                from.arg(),
                to.arg(),
                count,
            );
        }
    };
    let number = Cell::new(0);
    let launched = rate(gpu, seconds, || {
        number.set((number.get() + 1) % ALL as u32);
        (1..OF_STEP).for_each(|_| launch(1));
        launch(number.get());
        Ok(())
    })?;
    let record = || {
        gpu.client.graph_prepare()?;
        (0..OF_STEP).for_each(|_| launch(1));
        gpu.client.start_capture()?;
        (0..OF_STEP).for_each(|_| launch(1));
        gpu.client.stop_capture()
    };
    let replayed = match record() {
        Err(_) => None,
        Ok(graph) => Some(rate(gpu, seconds, || {
            gpu.write(&from, &[1.0; ALL]);
            // SAFETY: what the launches read and write lives as long, and nobody else has it.
            #[allow(unsafe_code)]
            let replayed = unsafe { graph.replay() };
            replayed.map_err(|error| failed(&error))
        })?),
    };
    let of_launch = |rate: f64| 1.0 / (rate * f64::from(OF_STEP));
    Ok(LaunchCost {
        launched: of_launch(launched),
        replayed: replayed.map(of_launch),
    })
}

/// Calls of `launch` per second.
fn rate(
    gpu: &Gpu,
    seconds: f64,
    launch: impl Fn() -> Result<(), GpuError>,
) -> Result<f64, GpuError> {
    launch()?;
    gpu.wait()?;
    let mut calls = 1u32;
    loop {
        let start = Instant::now();
        (0..calls).try_for_each(|_| launch())?;
        gpu.wait()?;
        let taken = start.elapsed().as_secs_f64();
        if taken >= seconds {
            return Ok(f64::from(calls) / taken);
        }
        calls = calls.saturating_mul(2);
    }
}
