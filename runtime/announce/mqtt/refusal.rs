//! Pictures that a broker does not take. MQTT 3.1.1 has no word for that: it closes the connection.

use std::time::{Duration, Instant};

/// A connection may have been lost just then for another reason.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest picture at which the connection was lost, and when.
#[derive(Default)]
pub(super) struct Refusal {
    shortest: Option<(usize, Instant)>,
}

impl Refusal {
    /// The connection was lost at a picture of so many bytes, and had taken none as long.
    pub fn note(&mut self, length: usize, name: &str) {
        self.shortest = Some((length, Instant::now()));
        tracing::warn!("{name} was lost at a picture of {length} bytes, so none that long is sent to it for a day");
    }

    /// Whether one of so many bytes is not sent.
    pub fn covers(&self, length: usize) -> bool {
        self.shortest.is_some_and(|(shortest, since)| length >= shortest && since.elapsed() < REMEMBERED)
    }
}
