//! The executors' names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutorKind {
    /// Burn with automatic differentiation.
    Autodiff,
    /// Burn with the delta rules.
    Delta,
    /// The delta rules in the fused kernels, on the CPU.
    Fused,
    /// The delta rules in the fused kernels, on a GPU.
    Gpu,
}

impl fmt::Display for ExecutorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Autodiff => "autodiff (Burn)",
            Self::Delta => "delta rules (Burn)",
            Self::Fused => "fused kernels",
            Self::Gpu => "fused kernels (GPU)",
        })
    }
}
