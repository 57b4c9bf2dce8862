//! What `cubecl-cuda` names of the crate `cubecl-llvm`, without LLVM.
//!
//! `cubecl-cuda` compiles kernels either through LLVM or, with its feature `cpp`, as CUDA C++ by NVRTC, the
//! compiler that comes with CUDA. It always names the types of both. The real `cubecl-llvm` links an LLVM of some
//! hundred megabytes that its build script downloads; this has its types and refuses to compile, so that a program
//! with the feature `cuda` builds from the packages of the registry alone. Names and meanings are those of
//! `cubecl-llvm` 0.11.3.

use cubecl_core::Compiler;
use cubecl_core::ir::amd::GfxArch;
use cubecl_core::ir::nvidia::SmArch;
use cubecl_core::prelude::KernelDefinition;
use cubecl_environment::backtrace::BackTrace;
use cubecl_runtime::compiler::CompilationError;
use cubecl_runtime::kernel::BufferIOAttr;

use crate::nvptx::ptx_version::PtxVersion;

/// What concerns PTX.
pub mod nvptx {
    /// Versions of PTX.
    pub mod ptx_version {
        use std::fmt;

        /// The version that LLVM would be asked for. There is none.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum PtxVersion {}

        impl PtxVersion {
            /// That of a driver: none, since nothing is compiled.
            pub fn for_driver(_: i32) -> Option<Self> {
                None
            }
        }

        impl fmt::Display for PtxVersion {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {}
            }
        }
    }
}

/// What concerns every target.
pub mod shared {
    /// What LLVM can compile for a device.
    pub mod lowered_features {
        use cubecl_core::ir::DeviceProperties;

        /// The kind of device.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum GpuTarget {
            /// NVIDIA's.
            Nvptx,
        }

        /// Would take from a device's properties what LLVM has no instructions for. NVRTC has them all.
        pub fn restrict_features(_: &mut DeviceProperties, _: GpuTarget) {}
    }
}

/// Devices that LLVM would compile for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LlvmTarget {
    /// NVIDIA's.
    #[default]
    Nvptx,
}

/// A compiler that refuses.
#[derive(Debug, Clone, Default)]
pub struct PlironCompiler {
    /// What it would compile for.
    pub target: LlvmTarget,
}

/// What it would be told.
#[derive(Debug, Clone, Default)]
pub struct PlironOptions {
    /// A kind of AMD's devices.
    pub arch: Option<GfxArch>,
    /// A kind of NVIDIA's.
    pub sm_arch: Option<SmArch>,
    /// The version of PTX.
    pub ptx_version: Option<PtxVersion>,
    /// How kernels are given their parameters.
    pub grid_constants: bool,
}

/// What it would make.
#[derive(Debug, Clone)]
pub struct NvptxModule {
    /// PTX, with a zero at the end.
    pub ptx: Vec<std::ffi::c_char>,
    /// What it was made of.
    pub ir: String,
    /// Bytes of shared memory.
    pub shared_memory_size: usize,
    /// What becomes of each buffer.
    pub io: Vec<BufferIOAttr>,
}

/// The same, of any target.
#[derive(Debug, Clone)]
pub enum PlironArtifact {
    /// NVIDIA's.
    NvptxCode(NvptxModule),
}

impl std::fmt::Display for PlironArtifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::NvptxCode(module) = self;
        f.write_str(&module.ir)
    }
}

impl Compiler for PlironCompiler {
    type Representation = PlironArtifact;
    type CompilationOptions = PlironOptions;

    fn compile(
        &mut self,
        _: KernelDefinition,
        _: &PlironOptions,
    ) -> Result<PlironArtifact, CompilationError> {
        Err(CompilationError::Generic {
            reason: "this program has no LLVM: kernels are compiled by NVRTC, with the feature \
                     `cuda-cpp` of cubecl"
                .to_owned(),
            backtrace: BackTrace::capture(),
        })
    }

    fn extension(&self) -> &'static str {
        "ll"
    }

    fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}
