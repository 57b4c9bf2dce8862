//! What CUDA needs besides its driver.

use cubecl::cuda::install::cuda_path;

/// What is missing on this machine for kernels to be compiled, in words; nothing where all is there. CubeCL would
/// find out at the first launch, in a thread of its own, which then panics.
pub fn missing_of_cuda() -> Option<&'static str> {
    // SAFETY: the library is loaded and nothing of it called.
    #[allow(unsafe_code)]
    let has_compiler = unsafe { cudarc::nvrtc::sys::is_culib_present() };
    let headers = cuda_path().map(|path| path.join("include/cuda_runtime.h"));
    match headers {
        _ if !has_compiler => Some("NVRTC, CUDA's compiler at run time, cannot be loaded"),
        Some(headers) if headers.exists() => None,
        _ => {
            Some("the headers of a CUDA toolkit are neither below CUDA_PATH nor in /usr/local/cuda")
        }
    }
}
