//! The passes of a model's layers, made when they are first needed.

use std::sync::{Arc, OnceLock};

use sae_stack::Forward;
use sae_train::TrainError;

/// Layers ready for use, made when they are first needed and shared by all copies of a model.
#[derive(Debug, Clone, Default)]
pub(crate) struct Passes {
    pub encoders: Arc<OnceLock<Forward>>,
    pub decoders: Arc<OnceLock<Forward>>,
    pub scores: Arc<OnceLock<Forward>>,
}

/// A pass that is there, or else made now.
///
/// # Errors
///
/// As `make`.
pub(crate) fn ready(
    pass: &OnceLock<Forward>,
    make: impl FnOnce() -> Result<Forward, TrainError>,
) -> Result<&Forward, TrainError> {
    match pass.get() {
        Some(made) => Ok(made),
        None => {
            let new = make()?;
            Ok(pass.get_or_init(|| new))
        }
    }
}
