//! What is told of drift.

use serde::{Deserialize, Serialize};

use crate::drift::{Found, Kind};
use crate::watch::Moment;

/// Something before a camera is no longer as it was when its head was fitted. One JSON object.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DriftEvent {
    pub camera: String,
    pub event: Word,
    pub at: Moment,
    #[serde(flatten)]
    pub found: Found,
    /// Since about when; absent for the mix, which is of all looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    pub head_version: u64,
    /// The chance that anything is ever told of this camera and head although nothing changed, at most.
    pub false_alarms: f64,
    /// What happened, in words.
    pub sentence: String,
}

/// What tells it from other events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    Drift,
}

impl DriftEvent {
    pub(super) fn new(camera: &str, at: Moment, head_version: u64, found: Found, false_alarms: f64) -> Self {
        let (sentence, since) = (found.sentence(), found.since.map(Moment));
        Self { camera: camera.to_owned(), event: Word::Drift, at, since, head_version, false_alarms, sentence, found }
    }

    /// Whether somebody should do something about it: classes that come in other shares are usual.
    pub fn is_warning(&self) -> bool {
        self.found.kind != Kind::Mix
    }
}
