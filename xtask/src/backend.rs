//! The backends that `sae` can be built with.

use clap::ValueEnum;

/// A backend of Burn
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Flex,
    Ndarray,
    Wgpu,
    Cuda,
}

impl Backend {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Ndarray => "ndarray",
            Self::Wgpu => "wgpu",
            Self::Cuda => "cuda",
        }
    }

    /// Whether the kernels of sae-gpu run on it.
    pub(crate) fn is_gpu(self) -> bool {
        match self {
            Self::Flex | Self::Ndarray => false,
            Self::Wgpu | Self::Cuda => true,
        }
    }
}

/// The names, with commas between them.
pub(crate) fn names(backends: &[Backend]) -> String {
    let names: Vec<&str> = backends.iter().map(|backend| backend.name()).collect();
    names.join(",")
}

/// The arguments that switch on just what `backends`, and training by several processes, need of `sae-cli`;
/// flex is always there.
pub(crate) fn features(backends: &[Backend], mpi: bool) -> Vec<String> {
    let named = backends
        .iter()
        .filter(|&&backend| backend != Backend::Flex)
        .map(|backend| backend.name());
    let beyond: Vec<String> = named
        .chain(mpi.then_some("mpi"))
        .map(|name| format!("sae-cli/{name}"))
        .collect();
    if beyond.is_empty() {
        return vec![];
    }
    vec!["--features".to_owned(), beyond.join(",")]
}
