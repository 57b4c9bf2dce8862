//! One model, one loop: [`fit()`] minimises an [`Objective`](sae_model::Objective) over batches of
//! a [`Source`], reports every [`Epoch`], and stops on convergence.
//!
//! The loop knows no file and no backend; it hands each epoch to the caller and returns the
//! trained model.

mod error;
mod fit;
mod optimiser;
mod settings;
mod source;

pub use error::TrainError;
pub use fit::{Epoch, Fitted, fit};
pub use optimiser::Optimiser;
pub use settings::{BatchSize, Convergence, Training};
pub use source::{Inputs, Labelled, Source};
