//! The delta rules, fused for GPUs: a whole training step in a handful of launches, on Vulkan, Metal,
//! DirectX 12 and CUDA through CubeCL.
//!
//! | launch | what it does |
//! |---|---|
//! | encode | Y = φ(X·W1 + b), rows gathered and bytes turned into numbers as they are read; sums for ρ̂ |
//! | select | keeps the k largest activations, where an encoder has `top_k` |
//! | decode | Δ3 from φ(Y·W2 + c) − X, the reconstruction term, sums for ∂J/∂c |
//! | back | Δ2 from Δ3·W2ᵀ and ρ̂, the L1 term, sums for ∂J/∂b |
//! | gradients | all weight gradients, as sums over parts of the batch |
//! | finish | these sums, decay, ‖∇J‖², what is not finite |
//! | update | the parameters move, and a line is written |
//!
//! An autoencoder takes 6 launches a step, 7 with `top_k`; a head alone 4 (5 where it has more than 32 classes), and
//! every hidden layer of a network 2 more. Nothing is read back between steps: the `update` itself makes none where J, its gradient or a parameter
//! is not finite, nor after that, and writes down what became of the step in a line that the host reads when it
//! likes.
//!
//! Products are cut into tiles by their shapes alone, nothing is tuned by timing, and no sum is made by atomics:
//! the same step gives the same bits on the same device. [`Precision`] says in how many bits numbers are multiplied.
//!
//! The crate is empty, but for the name of a device that there is none of, without its features `wgpu` and `cuda`.
//!
//! ```
//! # #[cfg(feature = "gpu")] {
//! use sae_gpu::{Gpu, Model, Resident};
//! use sae_kernels::{
//!     Activation, AutoencoderConfig, Optimizer, Part, Reconstruction, RhoHat, Rows, Unit, Update,
//! };
//!
//! let config = AutoencoderConfig {
//!     inputs: 4,
//!     hidden: 2,
//!     encoder: Activation::of(Unit::Sigmoid),
//!     decoder: Unit::Sigmoid,
//!     reconstruction: Reconstruction::SquaredError,
//!     tied: false,
//!     weight_decay: 1e-4,
//!     beta: 0.1,
//!     rho: 0.3,
//!     l1: 0.0,
//!     clamp: 1e-7,
//! };
//! let gpu = Gpu::open();
//! let mut model = Model::autoencoder(&gpu, &config)?;
//! let start: Vec<f32> = (0..model.parameters()).map(|i| 0.1 * (i % 5) as f32).collect();
//! model.write(Part::Values, &start)?;
//! let samples = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]; // two rows
//! let kept = Resident::new(&gpu, Rows::of(&samples, 4))?.expect("they fit");
//! let sgd = Update::new(Optimizer::Sgd { momentum: 0.9, nesterov: false }, 0.1);
//! for _ in 0..200 {
//!     model.step(kept.all(), None, &[], Some(sgd), RhoHat::Batch)?;
//! }
//! let steps = model.lines()?.steps;
//! assert!(steps[199].term < steps[0].term);
//! # }
//! # Ok::<(), sae_gpu::GpuError>(())
//! ```

mod error;
mod precision;

pub use error::GpuError;
pub use precision::Precision;

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "gpu")]
mod device;
#[cfg(feature = "gpu")]
mod finishing;
#[cfg(feature = "gpu")]
mod kernels;
#[cfg(feature = "gpu")]
mod launches;
#[cfg(feature = "gpu")]
mod lines;
#[cfg(feature = "gpu")]
pub mod measure;
#[cfg(feature = "gpu")]
mod model;
#[cfg(feature = "gpu")]
mod parts;
#[cfg(feature = "gpu")]
mod plan;
#[cfg(feature = "gpu")]
mod samples;
#[cfg(feature = "gpu")]
mod shape;
#[cfg(feature = "gpu")]
mod step;
#[cfg(feature = "gpu")]
mod tiling;
#[cfg(feature = "gpu")]
mod work;

#[cfg(feature = "gpu")]
pub use self::{
    device::Gpu,
    kernels::ledger::MOST_LINES,
    lines::{Line, Lines, Status},
    model::Model,
    samples::{Batch, Resident, Which},
};

#[cfg(feature = "cuda")]
pub use self::cuda::missing_of_cuda;

/// A device that there is none of: without the features `wgpu` and `cuda` nothing computes on one.
#[cfg(not(feature = "gpu"))]
#[derive(Debug, Clone)]
pub enum Gpu {}

#[cfg(not(feature = "gpu"))]
impl Gpu {
    /// The same device, whose products multiply numbers so.
    #[must_use]
    pub fn with_precision(self, _: Precision) -> Self {
        self
    }
}
