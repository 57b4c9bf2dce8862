//! A device, and memory on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cubecl::Device;
use cubecl::bytes::Bytes;
use cubecl::prelude::{BufferArg, Client, CubeDim};
use cubecl::server::Handle;

use crate::error::GpuError;
use crate::precision::Precision;
use crate::tiling::UNITS;

/// A device that computes, with a count of what it was asked for.
#[derive(Clone)]
pub struct Gpu {
    pub(crate) client: Client,
    precision: Precision,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    launches: AtomicU64,
    reads: AtomicU64,
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpu")
            .field("launches", &self.launches())
            .field("reads", &self.reads())
            .finish()
    }
}

impl Gpu {
    /// The device that Burn's `wgpu` backend uses by default, on which everything else of it runs too.
    ///
    /// # Panics
    ///
    /// Panics where there is none.
    #[cfg(feature = "wgpu")]
    pub fn wgpu() -> Self {
        Self::new(Device::Wgpu(cubecl::wgpu::WgpuDevice::default()))
    }

    /// The device that Burn's `cuda` backend uses by default.
    ///
    /// # Panics
    ///
    /// Panics where there is none.
    #[cfg(feature = "cuda")]
    pub fn cuda() -> Self {
        Self::new(Device::Cuda(cubecl::cuda::CudaDevice::default()))
    }

    /// The device of whichever is compiled in: of wgpu, where both are.
    ///
    /// # Panics
    ///
    /// Panics where there is none.
    pub fn open() -> Self {
        #[cfg(feature = "wgpu")]
        let gpu = Self::wgpu();
        #[cfg(all(feature = "cuda", not(feature = "wgpu")))]
        let gpu = Self::cuda();
        gpu
    }

    fn new(device: Device) -> Self {
        Self {
            client: device.client(),
            precision: Precision::default(),
            counts: Arc::default(),
        }
    }

    /// The same device, whose products multiply numbers so.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// How products multiply numbers.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Kernels launched so far, through this value and its copies.
    pub fn launches(&self) -> u64 {
        self.counts.launches.load(Ordering::Relaxed)
    }

    /// How often the host waited for the device, to read from it.
    pub fn reads(&self) -> u64 {
        self.counts.reads.load(Ordering::Relaxed)
    }

    /// Bytes that a single buffer may have.
    pub fn largest_buffer(&self) -> usize {
        let most = self.client.properties().memory.max_page_size;
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// Bytes of memory that the units of a cube can share.
    pub(crate) fn shared_memory(&self) -> usize {
        self.client.properties().hardware.max_shared_memory_size
    }

    /// Waits until everything that was asked for is done.
    ///
    /// # Errors
    ///
    /// Fails where the device did.
    pub fn wait(&self) -> Result<(), GpuError> {
        let waited = cubecl::future::block_on(self.client.sync());
        waited.map_err(|error| failed(&error))
    }

    pub(crate) fn count_launch(&self) {
        self.counts.launches.fetch_add(1, Ordering::Relaxed);
    }

    /// Memory for `count` values, which may hold anything.
    pub(crate) fn empty(&self, count: usize) -> Buffer {
        // No buffer is empty.
        let count = count.max(1);
        Buffer {
            handle: self.client.empty(count * WORD),
            count,
        }
    }

    pub(crate) fn zeros(&self, count: usize) -> Buffer {
        self.buffer(&vec![0.0f32; count.max(1)])
    }

    /// Memory with these values, each of four bytes.
    pub(crate) fn buffer<T: bytemuck::NoUninit>(&self, values: &[T]) -> Buffer {
        let mut bytes = bytemuck::cast_slice(values).to_vec();
        let words = bytes.len().div_ceil(WORD).max(1);
        bytes.resize(words * WORD, 0);
        Buffer {
            handle: self.client.create(Bytes::from_bytes_vec(bytes)),
            count: words,
        }
    }

    pub(crate) fn read(&self, buffer: &Buffer) -> Result<Vec<f32>, GpuError> {
        self.read_first(buffer, buffer.count)
    }

    /// The first `count` values.
    pub(crate) fn read_first(&self, buffer: &Buffer, count: usize) -> Result<Vec<f32>, GpuError> {
        self.counts.reads.fetch_add(1, Ordering::Relaxed);
        let rest = buffer.count.saturating_sub(count) * WORD;
        let bytes = self
            .client
            .read_one(buffer.handle.clone().offset_end(rest as u64));
        let bytes = bytes.map_err(|error| failed(&error))?;
        Ok(bytemuck::pod_collect_to_vec(&bytes))
    }

    pub(crate) fn write(&self, buffer: &Buffer, values: &[f32]) {
        let bytes = bytemuck::cast_slice(values).to_vec();
        self.client
            .write(&buffer.handle, Bytes::from_bytes_vec(bytes));
    }
}

/// Bytes of a value.
pub(crate) const WORD: usize = 4;

/// What is said, on one line, without what leads over to it.
pub(crate) fn failed(error: &cubecl::server::ServerError) -> GpuError {
    let text = error.to_string();
    let lines = text.lines().map(str::trim);
    let said = lines.filter(|line| !line.is_empty() && !line.ends_with("Caused by:"));
    let said: Vec<&str> = said
        .take_while(|line| !line.starts_with("Backtrace"))
        .collect();
    GpuError::Device(said.join("; "))
}

/// Values of four bytes on the device.
#[derive(Debug, Clone)]
pub(crate) struct Buffer {
    handle: Handle,
    count: usize,
}

impl Buffer {
    /// It, for a kernel.
    #[allow(unsafe_code)]
    pub(crate) fn arg(&self) -> BufferArg {
        // SAFETY: the count is that with which the memory was asked for.
        unsafe { BufferArg::from_raw_parts(self.handle.clone(), self.count) }
    }
}

/// The units of every cube.
pub(crate) fn cube() -> CubeDim {
    CubeDim::new_2d(UNITS as u32, UNITS as u32)
}
