//! What a service manager is told: readiness, state, and proof of life.
//!
//! Nothing happens where `NOTIFY_SOCKET` is not set.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;

/// The longest time between a change and its showing in the status line.
const TICK: Duration = Duration::from_secs(1);

/// A start may take so long: on a small machine the golden vectors alone take a while.
const START: Duration = Duration::from_secs(600);

pub(super) struct Supervisor {
    /// With its scheme.
    address: String,
    shared: Arc<Shared>,
}

impl Supervisor {
    pub fn new(address: String, shared: Arc<Shared>) -> Self {
        Self { address, shared }
    }

    pub fn ready(&self) {
        let status = self.status();
        match watchdog().map(watchdog_after) {
            // A start of the same process before this one may have asked for more time.
            Some(period) => notify(&["READY=1", &status, &period]),
            None => notify(&["READY=1", &status]),
        }
    }

    /// The same process goes on, and nobody pings until it is ready again.
    pub fn starting_anew(&self) {
        let state = ["RELOADING=1", "STATUS=starting anew"];
        match watchdog().map(|_| watchdog_after(START)) {
            Some(period) => notify(&[state[0], state[1], &period, "WATCHDOG=1"]),
            None => notify(&state),
        }
    }

    pub fn stopping(&self) {
        notify(&["STOPPING=1", "STATUS=answering what is in flight"]);
    }

    /// Keeps the status line right and, where a watchdog is set, pings it as long as the worker gets on.
    ///
    /// It runs beside the requests, so that an HTTP side that hangs is silent too.
    pub async fn watch(&self) -> Infallible {
        let watchdog = watchdog();
        let tick = watchdog.map_or(TICK, |period| (period / 4).min(TICK));
        let mut shown = self.status();
        loop {
            tokio::time::sleep(tick).await;
            if watchdog.is_some_and(|period| alive(self.shared.heartbeat.age(), period)) {
                notify(&["WATCHDOG=1"]);
            }
            let status = self.status();
            if status != shown {
                notify(&[&status]);
                shown = status;
            }
        }
    }

    fn status(&self) -> String {
        let Some(facts) = self.shared.facts() else {
            return format!("STATUS={}, no head yet", self.address);
        };
        let stale = if self.shared.stale().is_some() { "; the published head cannot be used" } else { "" };
        let (address, head) = (&self.address, facts.head_version);
        format!("STATUS={address}, head {head:06} on {}, {}{stale}", facts.backbone, facts.provider)
    }
}

/// Whether a worker whose last beat was `age` ago deserves a ping of a watchdog that barks after `period`.
fn alive(age: Duration, period: Duration) -> bool {
    age < period / 2
}

/// From now on the watchdog barks after `period`.
fn watchdog_after(period: Duration) -> String {
    format!("WATCHDOG_USEC={}", period.as_micros())
}

#[cfg(unix)]
fn notify(lines: &[&str]) {
    let states: Vec<_> = lines.iter().map(|line| sd_notify::NotifyState::Custom(line)).collect();
    if let Err(error) = sd_notify::notify(&states) {
        tracing::warn!("the service manager cannot be told {}: {error}", lines[0]);
    }
}

#[cfg(unix)]
fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|period| !period.is_zero())
}

#[cfg(not(unix))]
fn notify(_lines: &[&str]) {}

#[cfg(not(unix))]
fn watchdog() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_silent_for_half_the_period_gets_no_ping() {
        let second = Duration::from_secs(1);
        assert!(alive(second, 10 * second));
        assert!(alive(4 * second, 10 * second));
        assert!(!alive(5 * second, 10 * second));
        assert!(!alive(60 * second, 10 * second));
    }
}
