//! A sign of life from the worker thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Proof that the worker gets on: it beats between any two pictures, and while it has none.
pub(super) struct Heartbeat {
    start: Instant,
    last_micros: AtomicU64,
}

impl Heartbeat {
    pub fn new() -> Self {
        Self { start: Instant::now(), last_micros: AtomicU64::new(0) }
    }

    pub fn beat(&self) {
        self.last_micros.store(self.start.elapsed().as_micros() as u64, Ordering::Relaxed);
    }

    /// The time since the last beat.
    pub fn age(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_micros(self.last_micros.load(Ordering::Relaxed)))
    }
}
