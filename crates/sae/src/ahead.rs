//! Rows that are read while others are worked on.

use std::sync::mpsc::sync_channel;
use std::thread;

use sae_data::{Chunk, DataError, Reader, Samples};

use crate::Error;

/// Calls `visit` with all rows, up to `most` at a time. The next are read on another thread meanwhile.
///
/// # Errors
///
/// As `visit`; fails where rows cannot be read.
pub(crate) fn read_ahead(
    mut reader: Box<dyn Reader>,
    most: usize,
    mut visit: impl FnMut(Samples) -> Result<(), Error>,
) -> Result<(), Error> {
    let (send, receive) = sync_channel::<Result<Chunk, DataError>>(2);
    thread::scope(|scope| {
        scope.spawn(move || {
            while let Some(chunk) = reader.read(most).transpose() {
                let failed = chunk.is_err();
                // Nobody listens any more where the work has failed.
                if send.send(chunk).is_err() || failed {
                    break;
                }
            }
        });
        for chunk in receive {
            visit(chunk?.samples)?;
        }
        Ok(())
    })
}
