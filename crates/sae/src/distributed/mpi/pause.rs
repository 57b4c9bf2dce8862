//! How a rank waits for a message.

use std::thread;
use std::time::{Duration, Instant};

/// At first for microseconds, then it lets others run, then it sleeps in between.
pub(super) struct Pause {
    since: Instant,
    looks: u32,
    /// Looks before it sleeps.
    most: u32,
}

impl Pause {
    /// Of a rank that may be in others' way.
    pub(super) fn new(crowded: bool) -> Self {
        Self {
            since: Instant::now(),
            looks: 0,
            most: if crowded { 4 } else { 20_000 },
        }
    }

    pub(super) fn waited(&self) -> Duration {
        self.since.elapsed()
    }

    /// Whether it is time to look for more than the message.
    pub(super) fn looks_around(&mut self) -> bool {
        const EVERY: u32 = 16;
        self.looks = self.looks.saturating_add(1);
        self.looks.is_multiple_of(EVERY)
    }

    pub(super) fn rest(&self) {
        const BUSY: u32 = 200;
        const SLEEP: Duration = Duration::from_micros(20);
        match self.looks {
            looks if looks > self.most => thread::sleep(SLEEP),
            0..BUSY => std::hint::spin_loop(),
            _ => thread::yield_now(),
        }
    }
}
