//! The wish that a run ends before its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A wish that a run stops, which another thread may have: training saves its state after the step under
/// way and ends with [`Error::Stopped`](crate::Error::Stopped). Clones are of one wish.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    wished: Arc<AtomicBool>,
    training: Arc<AtomicBool>,
}

impl Stop {
    /// From now on.
    pub fn wish(&self) {
        self.wished.store(true, Ordering::SeqCst);
    }

    /// Whether somebody has the wish.
    pub fn is_wished(&self) -> bool {
        self.wished.load(Ordering::SeqCst)
    }

    /// The wish, for those who know of no runs.
    pub(crate) fn wished(&self) -> Arc<AtomicBool> {
        self.wished.clone()
    }

    /// Whether steps are being taken, after the next of which the wish is met. While samples are loaded,
    /// models evaluated or reports written there is nothing to save: the process may end at once.
    pub fn is_met_soon(&self) -> bool {
        self.training.load(Ordering::SeqCst)
    }

    /// Says whether steps are being taken.
    pub(crate) fn set_training(&self, training: bool) {
        self.training.store(training, Ordering::SeqCst);
    }
}
