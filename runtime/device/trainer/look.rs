//! How many labels are new.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::causes::causes;
use crate::device::careful::waiting;
use crate::device::changes::{Marked, Since, learned_from};
use crate::device::{Device, DeviceError};
use crate::head::LearnedFrom;
use crate::panics::caught;
use crate::store::{HeadVersion, Store};

/// After a look there is none for so many times as long as it took.
const PAUSE: u32 = 20;

/// After a fit that failed there is no look for so long.
const RETRY: Duration = Duration::from_secs(600);

/// Looks now and then whether there are enough new labels to fit.
pub(super) struct Looks {
    device: Device,
    /// 0: never.
    after: usize,
    /// Stays open, so that a look writes nothing.
    store: Option<Store>,
    seen: Option<Seen>,
    /// The pictures there were at the last time that there were enough, unless the fit failed.
    tried: Option<LearnedFrom>,
    /// No look before.
    pause: Option<Instant>,
}

/// What tells whether a look could come out otherwise than the last one.
#[derive(PartialEq, Eq)]
struct Seen {
    store: i64,
    live: Option<HeadVersion>,
    waiting: BTreeSet<HeadVersion>,
}

impl Looks {
    pub fn new(device: Device, after: usize) -> Self {
        Self { device, after, store: None, seen: None, tried: None, pause: None }
    }

    /// Whether so many labels are new to the live head, to those that wait for review, and to the last try.
    pub fn is_enough(&mut self) -> bool {
        if self.after == 0 || self.pause.is_some_and(|end| Instant::now() < end) {
            return false;
        }
        let start = Instant::now();
        let looked = caught(|| self.look());
        self.pause_for(start.elapsed() * PAUSE);
        match looked {
            Ok(Ok(enough)) => return enough,
            Ok(Err(error)) => tracing::debug!("new labels cannot be counted: {}", causes(&error)),
            Err(panic) => {
                tracing::error!("new labels cannot be counted: the program failed at it: {panic}");
                self.pause_for(RETRY);
            }
        }
        (self.store, self.seen) = (None, None);
        false
    }

    /// After a fit. One that failed learned from nothing: what it tried counts as new again, at the next change of the store after a while.
    pub fn fitted(&mut self, failed: bool) {
        if failed {
            self.tried = None;
            self.pause_for(RETRY);
        }
    }

    fn pause_for(&mut self, time: Duration) {
        self.pause = Some(Instant::now() + time);
    }

    fn look(&mut self) -> Result<bool, DeviceError> {
        let store = match self.store.take() {
            Some(store) => store,
            None => self.device.existing_store()?,
        };
        let heads = self.device.heads();
        let (live, waiting) = (heads.folder().live()?, heads.folder().for_review()?);
        let seen = Some(Seen { store: store.data_version()?, live, waiting });
        if seen == self.seen {
            self.store = Some(store);
            return Ok(false);
        }
        let fingerprint = self.device.backbones().in_use_of(&store)?.fingerprint();
        let now: Vec<Marked> = store.labelled(&fingerprint)?.iter().map(Marked::of).collect();
        (self.store, self.seen) = (Some(store), seen);
        let enough = self.fewest_new(&now)? >= self.after;
        if enough {
            self.tried = Some(learned_from(&now));
        }
        Ok(enough)
    }

    fn fewest_new(&self, now: &[Marked]) -> Result<usize, DeviceError> {
        let heads = self.device.heads();
        let live = heads.live()?;
        let since = |learned: &LearnedFrom| Since::new(learned, now).changes.fresh();
        let of_live = live.map_or(now.len(), |live| match live.artifact.learned_from() {
            Some(learned) => since(learned),
            // An older file says only how many there were.
            None => now.len().saturating_sub(live.artifact.report().samples),
        });
        let waiting = waiting(&heads)?;
        let others = waiting.iter().filter_map(|head| head.artifact.learned_from()).chain(&self.tried);
        Ok(others.map(since).fold(of_live, usize::min))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Settings;
    use crate::store::StateDir;

    #[test]
    fn a_fit_that_failed_makes_what_it_tried_new_again_but_not_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let device = Device::new(StateDir::new(folder.path()), Settings::default());
        let mut looks = Looks::new(device, 1);
        looks.tried = Some(learned_from(&[]));
        looks.fitted(false);
        assert!(looks.tried.is_some() && looks.pause.is_none());
        looks.fitted(true);
        assert!(looks.tried.is_none());
        assert!(looks.pause.unwrap() > Instant::now() + RETRY / 2);
        assert!(!looks.is_enough());
        assert!(looks.pause.unwrap() > Instant::now() + RETRY / 2, "it looked");
    }
}
