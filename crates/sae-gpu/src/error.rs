//! What can be wrong with a call.

use sae_kernels::{KernelError, Setting};

/// Why nothing was computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GpuError {
    /// The call does not fit the model.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The device fails.
    #[error("the device fails: {0}")]
    Device(String),
}

impl From<Setting> for GpuError {
    fn from(wrong: Setting) -> Self {
        Self::Kernel(wrong.into())
    }
}

/// That there are as many as expected.
#[cfg(feature = "gpu")]
pub(crate) fn count(what: &'static str, found: usize, expected: usize) -> Result<(), GpuError> {
    match found == expected {
        true => Ok(()),
        false => Err(KernelError::Count {
            what,
            found,
            expected,
        }
        .into()),
    }
}
