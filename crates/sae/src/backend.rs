//! The backends: the only place in the workspace that names one.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use sae_gpu::Gpu;
use sae_kernels::Setting;
use sae_kernels::setting::named;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Where tensors are computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Burn's CPU backend in pure Rust.
    #[default]
    Flex,
    /// The older CPU backend, on the ndarray crate.
    Ndarray,
    /// GPUs through Vulkan, Metal or DirectX 12.
    Wgpu,
    /// NVIDIA's GPUs through CUDA.
    Cuda,
}

impl Backend {
    /// Every backend, compiled in or not.
    pub const ALL: [Self; 4] = [Self::Flex, Self::Ndarray, Self::Wgpu, Self::Cuda];

    /// The name on the command line, in files and as a Cargo feature.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Ndarray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
        }
    }

    /// Whether it computes on a GPU: what runs there is tested at every start, and can be lost.
    pub fn is_gpu(self) -> bool {
        match self {
            Self::Flex | Self::Ndarray => false,
            Self::Wgpu | Self::Cuda => true,
        }
    }

    /// Opens the backend's default device.
    ///
    /// # Errors
    ///
    /// Refuses a backend that is not compiled in or has no device, saying what to do.
    pub fn device(self) -> Result<Device, Error> {
        match self {
            Self::Flex => Ok(Device::flex()),
            Self::Ndarray => self.ndarray(),
            Self::Wgpu => self.wgpu().map(|(device, _)| device),
            Self::Cuda => self.cuda().map(|(device, _)| device),
        }
    }

    /// The GPU on which the fused kernels run, once the device is open; nothing of a CPU.
    pub(crate) fn gpu(self) -> Option<Gpu> {
        match self {
            Self::Flex | Self::Ndarray => None,
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Some(Gpu::wgpu()),
            #[cfg(not(feature = "wgpu"))]
            Self::Wgpu => None,
            #[cfg(feature = "cuda")]
            Self::Cuda => Some(Gpu::cuda()),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => None,
        }
    }

    /// What the GPU behind an open device calls itself; nothing of a CPU.
    #[cfg(any(feature = "wgpu", feature = "cuda"))]
    pub(crate) fn gpu_name(self, device: &Device) -> Option<String> {
        let identity = device.identity().filter(|_| self.is_gpu());
        identity.map(|card| card.name)
    }

    /// As with a GPU's backend compiled in; there is none.
    #[cfg(not(any(feature = "wgpu", feature = "cuda")))]
    #[allow(clippy::unused_self, reason = "it is the same with a GPU's backend")]
    pub(crate) fn gpu_name(self, _device: &Device) -> Option<String> {
        None
    }

    /// What there is to compute on, in words.
    ///
    /// # Errors
    ///
    /// As [`Backend::device`].
    pub fn describe(self) -> Result<String, Error> {
        match self {
            Self::Flex | Self::Ndarray => {
                self.device()?;
                let threads = std::thread::available_parallelism().map_or(1, usize::from);
                Ok(format!("CPU, {threads} threads"))
            }
            Self::Wgpu => self.wgpu().map(|(_, name)| name),
            Self::Cuda => self.cuda().map(|(_, name)| name),
        }
    }

    #[cfg(feature = "ndarray")]
    fn ndarray(self) -> Result<Device, Error> {
        // Deprecated in Burn 0.22 in favour of flex; kept for comparison until it is gone.
        #[allow(deprecated)]
        Ok(Device::ndarray())
    }

    #[cfg(not(feature = "ndarray"))]
    fn ndarray(self) -> Result<Device, Error> {
        Err(self.not_compiled_in())
    }

    #[cfg(feature = "wgpu")]
    fn wgpu(self) -> Result<(Device, String), Error> {
        let opened = Device::wgpu_options().init_with_setup();
        let (device, setup) = opened.map_err(|error| {
            Error::Backend(format!(
                "backend wgpu: no usable graphics adapter ({error}). Install your GPU's Vulkan \
                 driver, or a software one (Debian and Ubuntu: mesa-vulkan-drivers), or use \
                 --backend flex"
            ))
        })?;
        let info = setup.adapter.get_info();
        let name = format!("{} ({:?}, {:?})", info.name, info.device_type, info.backend);
        Ok((device, name))
    }

    #[cfg(not(feature = "wgpu"))]
    fn wgpu(self) -> Result<(Device, String), Error> {
        Err(self.not_compiled_in())
    }

    #[cfg(feature = "cuda")]
    fn cuda(self) -> Result<(Device, String), Error> {
        // Nothing is opened by that, and so nothing panics.
        let found = Device::enumerate(burn::tensor::DeviceType::Cuda);
        if found.is_empty() {
            return Err(Error::Backend(
                "backend cuda: no GPU of NVIDIA with a driver of CUDA. Install the driver (`nvidia-smi` lists its \
                 GPUs), or use --backend wgpu or --backend flex"
                    .to_owned(),
            ));
        }
        if let Some(missing) = sae_gpu::missing_of_cuda() {
            return Err(Error::Backend(format!(
                "backend cuda: {missing}. Install the CUDA toolkit and set CUDA_PATH to its folder, or use \
                 --backend wgpu or --backend flex"
            )));
        }
        let device = Device::cuda(burn::tensor::DeviceIndex::Default);
        let name = device.identity().map_or(String::new(), |card| card.name);
        Ok((device, format!("{name} (CUDA)")))
    }

    #[cfg(not(feature = "cuda"))]
    fn cuda(self) -> Result<(Device, String), Error> {
        Err(self.not_compiled_in())
    }

    #[cfg(not(all(feature = "ndarray", feature = "wgpu", feature = "cuda")))]
    fn not_compiled_in(self) -> Error {
        let name = self.name();
        Error::Backend(format!(
            "backend {name} is not compiled into this program; build it with `cargo build \
             --release -p sae-cli --features {name}` or run `cargo xtask train --backend {name}`"
        ))
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Backend {
    type Err = Setting;

    fn from_str(name: &str) -> Result<Self, Setting> {
        named("backend", name, &Self::ALL)
    }
}

/// The number of threads that is meant by a wish for some: 0 is one for each processor, of which there are
/// never more.
pub fn usable_threads(wanted: usize) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    match wanted {
        0 => processors,
        wanted => wanted.min(processors),
    }
}

/// Sets how many threads Burn's CPU backends use in this process, before anything is computed.
///
/// # Errors
///
/// Fails where the threads cannot be started, or were before.
pub fn use_threads(threads: usize) -> Result<(), Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    pool.build_global()
        .map_err(|error| Error::Backend(format!("{threads} threads cannot be started: {error}")))
}
