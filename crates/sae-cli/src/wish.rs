//! The wish that a run stops.

use sae::Stop;

use crate::error::CliError;

/// From now on signals are heard, where there are any; `say` is told what a user is to know.
///
/// # Errors
///
/// Fails where signals cannot be waited for.
pub fn from_signals(say: impl Fn(&str) + Send + 'static) -> Result<Stop, CliError> {
    let stop = Stop::default();
    #[cfg(unix)]
    crate::signals::watch(&stop, say).map_err(CliError::Signals)?;
    #[cfg(not(unix))]
    drop(say);
    Ok(stop)
}
