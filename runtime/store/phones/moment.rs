//! When something happens, on machines whose clock may be wrong.

use serde::{Deserialize, Serialize};

use crate::clock;

/// When something is, by the clock and by how long the machine has run: the clock may be put anywhere, and some machines have none
/// that goes on while they are off.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Moment {
    /// Seconds since 1970-01-01 UTC.
    pub clock: i64,
    /// `None` where the system does not say.
    pub(super) running: Option<Running>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Running {
    /// Another one each time that the machine starts.
    pub boot: String,
    /// Since it started, while it slept too.
    pub seconds: i64,
}

impl Moment {
    pub fn now() -> Self {
        Self { clock: clock::now(), running: Running::now() }
    }

    /// Whether `now` is at most `seconds` later, of the same start of the machine.
    pub(super) fn is_within(&self, seconds: i64, now: &Self) -> bool {
        match (&self.running, &now.running) {
            (Some(made), Some(now)) => {
                made.boot == now.boot && (made.seconds..made.seconds + seconds).contains(&now.seconds)
            }
            // A clock that was put back does not make a code hold longer.
            (None, None) => (self.clock - seconds..self.clock + seconds).contains(&now.clock),
            _ => false,
        }
    }
}

impl Running {
    fn now() -> Option<Self> {
        let boot = crate::files::of_system("/proc/sys/kernel/random/boot_id")?.trim().to_owned();
        let uptime = crate::files::of_system("/proc/uptime")?;
        let seconds = uptime.split('.').next()?.trim().parse().ok()?;
        Some(Self { boot, seconds })
    }
}
