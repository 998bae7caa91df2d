//! What the worker, the watcher and every request share.

use std::sync::{Mutex, PoisonError};

use super::announcements::Announcements;
use super::heartbeat::Heartbeat;
use super::metrics::Metrics;
use crate::device::Facts;

/// Shared by the worker, the watcher and every request.
pub(super) struct Shared {
    pub metrics: Metrics,
    pub heartbeat: Heartbeat,
    pub announcements: Announcements,
    state: Mutex<State>,
}

struct State {
    /// `None` as long as there is no head.
    facts: Option<Facts>,
    /// Why the published head is not the one that answers.
    stale: Option<String>,
}

impl Shared {
    pub fn new(facts: Option<Facts>, metrics: Metrics, announcements: Announcements) -> Self {
        facts.iter().for_each(|facts| metrics.show(facts));
        Self { metrics, heartbeat: Heartbeat::new(), announcements, state: Mutex::new(State { facts, stale: None }) }
    }

    /// `None` as long as there is no head.
    pub fn facts(&self) -> Option<Facts> {
        self.lock().facts.clone()
    }

    pub fn stale(&self) -> Option<String> {
        self.lock().stale.clone()
    }

    /// Another head, perhaps on another backbone, answers from now on.
    pub fn set_facts(&self, facts: Facts) {
        self.metrics.show(&facts);
        let head_version = facts.head_version;
        self.lock().facts = Some(facts);
        self.announcements.head(head_version);
    }

    pub fn set_stale(&self, reason: Option<String>) {
        self.metrics.head_stale.set(reason.is_some().into());
        self.lock().stale = reason;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
