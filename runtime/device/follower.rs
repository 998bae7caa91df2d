//! Notices that another head was published, and opens it for whoever answers.

use std::time::{Duration, Instant};

use super::{Device, DeviceError, Predictor, Successor};
use crate::causes::causes;
use crate::digest::Fingerprint;
use crate::store::{HeadFolderError, HeadVersion};

/// Between two looks at `heads/current`, a file of seven bytes.
pub const EVERY: Duration = Duration::from_millis(250);
/// The longest wait before a head that could not be opened is tried again.
const LONGEST: Duration = Duration::from_secs(60);

/// Follows the live head of a device.
pub struct Follower {
    device: Device,
    /// What was opened last.
    live: Option<(HeadVersion, Fingerprint)>,
    failure: Option<Failure>,
    looked: Instant,
}

/// Why the published head does not answer, and when it is tried again.
struct Failure {
    version: Option<HeadVersion>,
    reason: String,
    again: Instant,
    wait: Duration,
}

/// What a look came to.
pub enum Followed {
    /// The head that answers is the live one.
    Same,
    /// The live head could not be opened, and is not tried again yet.
    Waiting,
    /// Another head is live.
    Successor(Box<Successor>),
    /// The live head cannot be opened, so the one before goes on answering.
    Failed {
        reason: String,
        /// Whether it was not said before.
        is_news: bool,
        /// Whether a head was tried, and not only looked for.
        was_tried: bool,
    },
}

impl Follower {
    /// Follows from the head on that `predictor` answers with.
    pub fn new(device: Device, predictor: Option<&Predictor>) -> Self {
        let live = predictor.map(|predictor| {
            let facts = predictor.facts();
            (HeadVersion(facts.head_version), facts.fingerprint)
        });
        Self { device, live, failure: None, looked: Instant::now() }
    }

    /// Looks whether another head is live, and opens it.
    pub fn look(&mut self) -> Followed {
        let live = self.live.as_ref().map(|(version, _)| *version);
        let version = match self.device.heads().folder().current_version() {
            Ok(version) if Some(version) != live => version,
            Ok(_) => return self.same(),
            // None answers, and there is none.
            Err(HeadFolderError::Empty { .. }) if live.is_none() => return self.same(),
            Err(error) => return self.failed(None, &error.into()),
        };
        let due = |failure: &Failure| failure.version != Some(version) || failure.again <= Instant::now();
        if !self.failure.as_ref().is_none_or(due) {
            return Followed::Waiting;
        }
        match self.device.successor(self.live.as_ref().map(|(_, fingerprint)| fingerprint)) {
            Ok(successor) => {
                self.live = Some(successor.head());
                self.failure = None;
                Followed::Successor(Box::new(successor))
            }
            Err(error) => self.failed(Some(version), &error),
        }
    }

    /// [`look`](Self::look) for one who answers at the same time: seldom, and with what goes wrong in the log alone.
    pub fn look_now_and_then(&mut self) -> Option<Successor> {
        if self.looked.elapsed() < EVERY {
            return None;
        }
        self.looked = Instant::now();
        match self.look() {
            Followed::Successor(successor) => Some(*successor),
            Followed::Failed { reason, is_news: true, .. } => {
                tracing::error!("the published head cannot be used, so the one before goes on answering: {reason}");
                None
            }
            _ => None,
        }
    }

    fn same(&mut self) -> Followed {
        self.failure = None;
        Followed::Same
    }

    fn failed(&mut self, version: Option<HeadVersion>, error: &DeviceError) -> Followed {
        let reason = causes(error);
        let before = self.failure.take().filter(|before| before.version == version && before.reason == reason);
        let wait = before.as_ref().map_or(EVERY, |before| (before.wait * 2).min(LONGEST));
        self.failure = Some(Failure { version, reason: reason.clone(), again: Instant::now() + wait, wait });
        Followed::Failed { reason, is_news: before.is_none(), was_tried: version.is_some() }
    }
}
