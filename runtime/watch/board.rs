//! What others see of the cameras, and what they may do to them, from any thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde::Serialize;

use super::Moment;
use super::choice::Choice;
use super::event::CameraState;
use super::newest::Shown;
use super::region::{Region, Section};
use super::tally::Tally;
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
    setup: Mutex<Setup>,
    /// Held while somebody chooses.
    choosing: Mutex<()>,
    pub(super) shown: Shown,
    pub(super) shown_whole: Shown,
    triggered: AtomicBool,
    seen: Mutex<Seen>,
    tally: Mutex<Tally>,
}

/// How a camera is set up: what its settings say, and what somebody chose before them.
struct Setup {
    settings: Section,
    choice: Choice,
    /// Grows with each change.
    version: u64,
}

impl Setup {
    fn section(&self) -> Section {
        let region = self.choice.region.clone().or_else(|| self.settings.region.clone());
        Section { rotation: self.settings.rotation, region: region.filter(|region| !region.is_all()) }
    }

    fn region_from(&self) -> Option<RegionFrom> {
        let of_settings = self.settings.region.is_some().then_some(RegionFrom::Settings);
        if self.choice.region.is_some() { Some(RegionFrom::Store) } else { of_settings }
    }
}

/// Who said which part of the picture matters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RegionFrom {
    /// Somebody chose it while the camera was watched.
    Store,
    Settings,
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
    /// Whether somebody wants it open.
    pub on: bool,
    /// The part of the upright picture that is looked at; null is all of it.
    pub region: Option<Region>,
    pub region_from: Option<RegionFrom>,
    /// Degrees clockwise that make its pictures upright.
    pub rotate: u16,
}

impl View {
    /// Why, without what was measured, which is another with each picture.
    pub fn cause(&self) -> Option<&str> {
        self.because.as_deref().and_then(|because| because.split(':').next())
    }
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

    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter()
    }

    pub fn entry(&self, name: &str) -> Option<&Arc<Entry>> {
        self.entries().find(|entry| entry.name == name)
    }

    /// Closes all cameras.
    pub fn stop(&self) {
        // All at once, since the end of each may take seconds.
        self.entries.iter().for_each(|entry| entry.feed.ask_to_stop());
        self.entries.iter().for_each(|entry| entry.feed.stop());
    }
}

impl Entry {
    /// `settings` is what the settings say of its pictures.
    pub(super) fn new(name: String, feed: Feed, settings: Section, choice: Choice) -> Self {
        let (triggered, seen, tally) = (AtomicBool::new(false), Mutex::default(), Mutex::default());
        let (shown, shown_whole) = (Shown::default(), Shown::default());
        let (setup, choosing) = (Mutex::new(Setup { settings, choice, version: 0 }), Mutex::default());
        Self { name, feed, setup, choosing, shown, shown_whole, triggered, seen, tally }
    }

    /// What of its pictures the network sees, and the version of that.
    pub(super) fn section(&self) -> (Section, u64) {
        let setup = self.setup();
        (setup.section(), setup.version)
    }

    /// Obeys what somebody chose, from the next frame on.
    pub fn choose(&self, choice: Choice) {
        self.choose_where(choice, |_| true);
    }

    /// The same for what was read when the set-up had `version`: one that came since is newer.
    pub(super) fn choose_as_of(&self, version: u64, choice: Choice) {
        self.choose_where(choice, |now| now == version);
    }

    fn choose_where(&self, choice: Choice, holds: impl FnOnce(u64) -> bool) {
        let mut setup = self.setup();
        if setup.choice == choice || !holds(setup.version) {
            return;
        }
        setup.version += 1;
        self.feed.switch(choice.on);
        setup.choice = choice;
    }

    /// Obeys what `keep` wrote; of several at once the last one written holds.
    ///
    /// # Errors
    /// What `keep` gave.
    pub fn change<E>(&self, keep: impl FnOnce() -> Result<Choice, E>) -> Result<(), E> {
        let _alone = self.choosing.lock().unwrap_or_else(PoisonError::into_inner);
        keep().map(|choice| self.choose(choice))
    }

    /// Whether somebody wants it open.
    pub fn is_on(&self) -> bool {
        self.feed.is_on()
    }

    fn setup(&self) -> MutexGuard<'_, Setup> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// What was counted since the start.
    pub fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Tally)) {
        count(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
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
        let setup = self.setup();
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
            on: setup.choice.on,
            region: setup.section().region,
            region_from: setup.region_from(),
            rotate: setup.settings.rotation.degrees(),
        }
    }
}

fn state(status: &Status, source: &Source, poor: Option<String>) -> (CameraState, SystemTime, Option<String>) {
    let (last, since) = (status.last.unwrap_or(status.since), status.since);
    match &status.activity {
        Activity::Connecting => (CameraState::Connecting, since, None),
        Activity::Failed { because } => (CameraState::Failed, since, Some(because.clone())),
        Activity::Ended => (CameraState::Ended, since, None),
        Activity::Off => (CameraState::Off, since, None),
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
