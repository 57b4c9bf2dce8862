//! How what launches leave to each other, and to the host, lies in memory.
//!
//! The `ledger` is what training remembers on the device besides parameters: whether a step was refused, the sum of the
//! steps' ρ̂, and a line for each step, so that the host need not look after every one. `squares` are what a cube
//! that completes gradients leaves to the update.

/// Places in the ledger: 1 after a step that was refused.
pub(crate) const STOPPED: usize = 0;
/// The weighted sum of the steps' ρ̂, `[hidden]`; then what rounding took from it.
pub(crate) const SUMS: usize = 8;

/// The place of the lines.
pub(crate) const fn lines(hidden: usize) -> usize {
    SUMS + 2 * hidden
}

/// The line of a look at the parameters, and that of the first step.
pub(crate) const LOOK: usize = 0;
pub(crate) const FIRST: usize = 1;

/// Numbers of a line.
pub(crate) const LINE: usize = 8;
/// The reconstruction term, or the cross-entropy.
pub(crate) const TERM: usize = 0;
/// (1/R) Σ ‖x − z‖², or the number of samples that are most probably what they are.
pub(crate) const MEASURE: usize = 1;
/// The sparsity term.
pub(crate) const SPARSITY: usize = 2;
/// Σ |a| / R.
pub(crate) const ACTIVITY: usize = 3;
/// The decay term.
pub(crate) const OF_DECAY: usize = 4;
/// ‖∇J‖.
pub(crate) const NORM: usize = 5;
/// What became of the step.
pub(crate) const STATUS: usize = 6;

/// The parameters moved.
pub(crate) const TAKEN: f32 = 0.0;
/// By a gradient that was shortened.
pub(crate) const CLIPPED: f32 = 1.0;
/// They did not, since something is not finite, or was in a step before.
pub(crate) const REFUSED: f32 = 2.0;

/// Steps that can be written down before somebody must read.
pub const MOST_LINES: usize = 4096;

/// Numbers of a cube in `squares`.
pub(crate) const SQUARES: usize = 4;
/// Σ (∂J/∂θ)².
pub(crate) const OF_GRADIENTS: usize = 0;
/// The same of gradients that are [`SMALLER`] times as long: where the other is too large for a number.
pub(crate) const OF_SMALLER: usize = 1;
/// Σ decay·θ² / 2.
pub(crate) const DECAY: usize = 2;
/// Numbers that are not finite, among gradients and parameters.
pub(crate) const BAD: usize = 3;
/// 2⁻¹⁰⁰.
pub(crate) const SMALLER: f32 = 7.888_609e-31;
