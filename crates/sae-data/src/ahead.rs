//! Rows that are read while others are worked on.

use std::sync::mpsc::sync_channel;
use std::thread;

use crate::DataError;

/// Calls `visit` with all that `next` gives. What comes next is made on another thread meanwhile; up to
/// `waiting` of it wait besides what is being made and what is visited.
///
/// # Errors
///
/// As `visit`, and as `next`, after whose first error nothing more is made.
pub fn read_ahead<T: Send, E: From<DataError>>(
    waiting: usize,
    mut next: impl FnMut() -> Result<Option<T>, DataError> + Send,
    mut visit: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let (send, receive) = sync_channel(waiting);
    thread::scope(|scope| {
        scope.spawn(move || {
            while let Some(made) = next().transpose() {
                let failed = made.is_err();
                // Nobody listens any more where the visit has failed.
                if send.send(made).is_err() || failed {
                    break;
                }
            }
        });
        for made in receive {
            visit(made?)?;
        }
        Ok(())
    })
}
