//! Notices a newly published head and opens it beside the one that answers.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use super::shared::Shared;
use crate::causes::causes;
use crate::device::{Device, DeviceError, Successor};
use crate::digest::Fingerprint;
use crate::store::HeadVersion;
use crate::threads::{NoThread, spawn};

/// Between two looks at `heads/current`, a file of seven bytes.
const EVERY: Duration = Duration::from_millis(250);
/// The longest wait before a head that could not be opened is tried again.
const LONGEST: Duration = Duration::from_secs(60);

/// The thread that opens heads.
pub(super) struct Watcher {
    device: Device,
    shared: Arc<Shared>,
    successors: Sender<Successor>,
    /// What was handed over last.
    live: (HeadVersion, Fingerprint),
    failure: Option<Failure>,
}

/// Why the published head does not answer, and when it is tried again.
struct Failure {
    version: Option<HeadVersion>,
    reason: String,
    again: Instant,
    wait: Duration,
}

/// Ends the watcher when dropped.
pub(super) struct Watching(#[expect(dead_code, reason = "held for its drop")] Sender<()>);

impl Watcher {
    pub fn new(device: Device, shared: Arc<Shared>, successors: Sender<Successor>) -> Self {
        let facts = shared.facts();
        let live = (HeadVersion(facts.head_version), facts.fingerprint);
        Self { device, shared, successors, live, failure: None }
    }

    pub fn start(mut self) -> Result<Watching, NoThread> {
        let (held, stop) = channel();
        spawn("watcher", move || {
            while stop.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                self.look();
            }
        })?;
        Ok(Watching(held))
    }

    fn look(&mut self) {
        let version = match self.device.heads().folder().current_version() {
            Ok(version) if version == self.live.0 => return self.recovered(),
            Ok(version) => version,
            Err(error) => return self.failed(None, &error.into()),
        };
        let due = |failure: &Failure| failure.version != Some(version) || failure.again <= Instant::now();
        if !self.failure.as_ref().is_none_or(due) {
            return;
        }
        match self.device.successor(&self.live.1) {
            Ok(successor) => {
                self.live = successor.head();
                self.shared.metrics.reloaded(true);
                self.recovered();
                // Without a worker there is nobody left to serve.
                let _ = self.successors.send(successor);
            }
            Err(error) => self.failed(Some(version), &error),
        }
    }

    fn recovered(&mut self) {
        if self.failure.take().is_some() {
            self.shared.set_stale(None);
        }
    }

    /// The head that answers goes on; the same failure is logged once and counted every time.
    fn failed(&mut self, version: Option<HeadVersion>, error: &DeviceError) {
        let reason = causes(error);
        let before = self.failure.take().filter(|before| before.version == version && before.reason == reason);
        let wait = before.as_ref().map_or(EVERY, |before| (before.wait * 2).min(LONGEST));
        if before.is_none() {
            let version = self.live.0;
            tracing::error!("the published head cannot be used, so head {version} goes on answering: {reason}");
            self.shared.set_stale(Some(reason.clone()));
        }
        if before.is_none() || version.is_some() {
            self.shared.metrics.reloaded(false);
        }
        self.failure = Some(Failure { version, reason, again: Instant::now() + wait, wait });
    }
}
