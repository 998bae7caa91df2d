//! What others see of the cameras, and what they may do to them, from any thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use super::Moment;
use super::event::CameraState;
use crate::camera::{Activity, Content, Feed, Frame, Source, Status};

/// All cameras that are watched.
#[derive(Default)]
pub struct Board {
    entries: Vec<Arc<Entry>>,
}

/// One of them.
pub struct Entry {
    pub name: String,
    pub(super) feed: Feed,
    triggered: AtomicBool,
    seen: Mutex<Seen>,
}

/// What the one who watches knows of a camera.
#[derive(Clone, Default, Debug)]
pub(super) struct Seen {
    /// Frames that passed the gate.
    pub looks: u64,
    /// Answers of the head.
    pub answers: u64,
    /// Why the pictures are of no use, since some looks.
    pub poor: Option<String>,
    pub holds: Option<(String, Moment)>,
}

/// How a camera is. One JSON object.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct View {
    pub camera: String,
    /// Without passwords.
    pub source: String,
    pub state: CameraState,
    pub since: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    pub frames: u64,
    pub passed_over: u64,
    pub failures: u64,
    pub last_frame: Option<Moment>,
    pub looks: u64,
    pub answers: u64,
    /// What was decided last, and still holds.
    pub label: Option<String>,
    pub label_since: Option<Moment>,
}

/// All frames were the same for so long: the camera hangs.
const FROZEN: std::time::Duration = std::time::Duration::from_secs(30);

impl Board {
    pub(super) fn new(entries: Vec<Arc<Entry>>) -> Self {
        Self { entries }
    }

    pub fn views(&self) -> Vec<View> {
        self.entries.iter().map(|entry| entry.view()).collect()
    }

    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().map(|entry| &**entry).find(|entry| entry.name == name)
    }

    /// Closes all cameras.
    pub fn stop(&self) {
        // All at once, since the end of each may take seconds.
        self.entries.iter().for_each(|entry| entry.feed.ask_to_stop());
        self.entries.iter().for_each(|entry| entry.feed.stop());
    }
}

impl Entry {
    pub(super) fn new(name: String, feed: Feed) -> Self {
        Self { name, feed, triggered: AtomicBool::new(false), seen: Mutex::default() }
    }

    /// The next frame is looked at, whatever the gate says.
    pub fn trigger(&self) {
        self.triggered.store(true, Ordering::SeqCst);
    }

    pub(super) fn take_trigger(&self) -> bool {
        self.triggered.swap(false, Ordering::SeqCst)
    }

    /// Whether frames may be sent to it.
    pub fn takes_frames(&self) -> bool {
        *self.feed.source() == Source::Push
    }

    /// A frame that somebody sent.
    pub fn push(&self, picture: Vec<u8>) {
        self.feed.push(Frame::now(Content::File(picture.into())));
    }

    pub(super) fn see(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// Whether there are no more frames.
    pub(super) fn is_over(&self) -> bool {
        self.feed.status().activity == Activity::Ended && !self.feed.has_frame()
    }

    pub fn view(&self) -> View {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = self.feed.status();
        let (state, since, because) = state(&status, self.feed.source(), seen.poor);
        let (label, label_since) = seen.holds.unzip();
        View {
            camera: self.name.clone(),
            source: self.feed.source().to_string(),
            state,
            since: since.into(),
            because,
            frames: status.frames,
            passed_over: status.passed_over,
            failures: status.failures,
            last_frame: status.last.map(Moment::from),
            looks: seen.looks,
            answers: seen.answers,
            label,
            label_since,
        }
    }
}

fn state(status: &Status, source: &Source, poor: Option<String>) -> (CameraState, SystemTime, Option<String>) {
    let (last, since) = (status.last.unwrap_or(status.since), status.since);
    match &status.activity {
        Activity::Connecting => (CameraState::Connecting, since, None),
        Activity::Failed { because } => (CameraState::Failed, since, Some(because.clone())),
        Activity::Ended => (CameraState::Ended, since, None),
        Activity::Stale => (CameraState::Stale, since, Some("no frame comes".to_owned())),
        Activity::Live => match (status.same_since, poor) {
            (Some(same), _) if source.is_steady() && last.duration_since(same).is_ok_and(|while_| while_ >= FROZEN) => {
                (CameraState::Frozen, same, Some("all frames are the same to the last bit".to_owned()))
            }
            (_, Some(poor)) => (CameraState::Poor, since, Some(poor)),
            _ => (CameraState::Live, since, None),
        },
    }
}
