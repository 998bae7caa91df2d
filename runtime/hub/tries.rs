//! When a failed request is made again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{HubError, Watch};
use crate::causes::causes;

/// In a row, without a byte between them.
const MOST: u32 = 5;
/// Longer than this nobody waits before a terminal.
const LONGEST: Duration = Duration::from_secs(300);
const NAP: Duration = Duration::from_millis(100);

/// How often it has failed without getting further.
#[derive(Default)]
pub struct Tries {
    failed: u32,
}

impl Tries {
    /// Forgets earlier failures: it got further.
    pub fn got_further(&mut self) {
        self.failed = 0;
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// `error` itself, where another try would not help, there were enough, or the wait is too long; or that the user has
    /// asked to stop.
    pub fn after(&mut self, error: HubError, watch: &mut Watch<'_>) -> Result<(), HubError> {
        let wait = self.wait(&error);
        if !error.is_passing() || self.failed >= MOST || wait > LONGEST {
            return Err(error);
        }
        self.failed += 1;
        (watch.say)(&format!("{}; trying again{}", causes(&error), soon(wait)));
        let mut left = wait;
        while !left.is_zero() {
            if watch.stop.load(Ordering::Relaxed) {
                return Err(HubError::Stopped);
            }
            let nap = left.min(NAP);
            std::thread::sleep(nap);
            left -= nap;
        }
        Ok(())
    }

    /// As long as the server asks; else at once after bytes have come, and longer and longer when none do.
    fn wait(&self, error: &HubError) -> Duration {
        match error {
            HubError::Busy { wait: Some(wait), .. } => *wait,
            _ if self.failed == 0 => Duration::ZERO,
            _ => Duration::from_secs(1 << (self.failed - 1)),
        }
    }
}

fn soon(wait: Duration) -> String {
    if wait.is_zero() { String::new() } else { format!(" in {} s", wait.as_secs()) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    fn after(tries: &mut Tries, error: HubError, stop: bool) -> Result<(), HubError> {
        let stop = AtomicBool::new(stop);
        let mut watch = Watch { progress: &mut |_, _| {}, say: &mut |_| {}, stop: &stop };
        tries.after(error, &mut watch)
    }

    fn broken() -> HubError {
        HubError::BrokenOff { host: "h".into(), source: None }
    }

    #[test]
    fn waits_grow_until_bytes_come_and_then_begin_again() {
        let mut tries = Tries { failed: 0 };
        let waits: Vec<u64> = (0..=MOST).map(|failed| Tries { failed }.wait(&broken()).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16]);
        assert!(after(&mut tries, broken(), false).is_ok());
        tries.failed = MOST;
        assert!(after(&mut tries, broken(), false).is_err());
        tries.got_further();
        assert!(after(&mut tries, broken(), false).is_ok());
    }

    #[test]
    fn what_would_not_pass_is_not_tried_again_nor_waited_for_too_long() {
        let missing = HubError::NoNetwork { repository: "o/r".into() };
        assert!(matches!(after(&mut Tries::default(), missing, false), Err(HubError::NoNetwork { .. })));
        let long = HubError::Busy { host: "h".into(), status: 429, wait: Some(Duration::from_secs(3600)) };
        assert!(matches!(after(&mut Tries::default(), long, false), Err(HubError::Busy { .. })));
        let busy = HubError::Busy { host: "h".into(), status: 503, wait: Some(Duration::from_secs(60)) };
        assert!(matches!(after(&mut Tries::default(), busy, true), Err(HubError::Stopped)));
    }
}
