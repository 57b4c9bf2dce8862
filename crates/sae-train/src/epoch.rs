//! What is reported of an epoch.

use sae_model::Figures;

/// What one pass over the data did.
///
/// In minibatches figures are means over the epoch's batches, weighted by their rows, each taken
/// before the step that it caused. With the full batch they are exact: for the weights at the
/// epoch's start, with a line search for those at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Epoch {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// J, its terms, ρ̂ of each hidden unit or the accuracy.
    pub figures: Figures,
    /// ‖∇J‖: with the full batch where the figures are taken, in minibatches of the epoch's last
    /// batch alone, before the step that it caused.
    pub gradient_norm: Option<f64>,
    /// J and the other figures on the validation samples after the epoch.
    pub validation: Option<Figures>,
    /// False where a line search found no better point.
    pub moved: bool,
    /// Learning rate η.
    pub learning_rate: f64,
    /// Steps whose gradient was shortened to [`Training::gradient_clip`](crate::Training::gradient_clip).
    pub clipped: usize,
    /// How often training has gone back to the start of an epoch so far (see
    /// [`Training::retreats`](crate::Training::retreats)).
    pub retreats: usize,
    /// Training time of the epoch in seconds, without validation.
    pub seconds: f64,
    /// The part of it for which samples that are not in memory were waited for.
    pub waited: f64,
    /// Training samples per second.
    pub samples_per_second: f64,
}
