//! One model, one loop: [`fit()`] minimises an [`Objective`](sae_model::Objective) over batches of
//! a [`Source`], reports every [`Epoch`], and stops by its [`StopRules`].
//!
//! The loop knows no file and no backend; it hands each epoch to the caller and returns the
//! trained model. [`full_gradient`] is the exact objective over any number of samples.

mod conjugate;
mod error;
mod fit;
mod full_batch;
mod lbfgs;
mod line_search;
mod optimiser;
mod rho_hat;
mod schedule;
mod settings;
mod source;
mod stepper;
mod whole;

pub use error::TrainError;
pub use fit::{Epoch, Fitted, Samples, Stopped, fit};
pub use full_batch::{CHUNK, full_gradient, full_rho_hat, full_value};
pub use optimiser::{Moments, Optimiser};
pub use rho_hat::RhoHat;
pub use schedule::Schedule;
pub use settings::{BatchSize, Convergence, StopRules, Training};
pub use source::{HostSamples, Inputs, Labelled, Source, Unlabelled};
