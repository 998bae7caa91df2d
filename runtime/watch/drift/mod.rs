//! Whether what cameras show is still like what the head was taught with: counts looks, tells once of each kind of change, and goes
//! on after a restart.

mod event;
mod kept;
mod opening;
mod settings;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

pub use event::DriftEvent;
pub use kept::kept_view;
pub use settings::DriftSettings;

use super::event::Event;
use super::witness::{Sight, Witness};
use crate::device::Device;
use crate::drift::{Kind, Look, Record, Reference, Stretches};
use crate::predictor::{Answer, Statement};
use kept::{HeadName, Kept};
use opening::{Opened, Opening};

/// The least time between two writings of one camera's file, where there is nothing new to tell.
const WRITTEN: Duration = Duration::from_secs(60);

/// What is known of the drift of one camera. One JSON object.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DriftView {
    pub camera: String,
    /// The head with which it looked last.
    pub head_version: Option<u64>,
    /// That counted, with this head.
    pub looks: u64,
    /// For each kind that is watched the logarithm of the evidence, as a share of what is enough to tell of it.
    pub evidence: BTreeMap<Kind, f64>,
    /// With this head, each kind once.
    pub told: Vec<DriftEvent>,
    /// Why the head is not watched for drift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The same as a word for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
}

/// What others see of it, from any thread.
#[derive(Default)]
pub struct DriftBoard(Mutex<BTreeMap<String, DriftView>>);

impl DriftBoard {
    /// One a camera, by name.
    pub fn views(&self) -> Vec<DriftView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn show(&self, view: DriftView) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(view.camera.clone(), view);
    }
}

/// Counts the looks of some cameras.
pub struct Drifting {
    device: Device,
    settings: DriftSettings,
    cameras: BTreeMap<String, Followed>,
    opening: Opening,
    board: Arc<DriftBoard>,
}

/// A camera whose looks are counted.
struct Followed {
    kept: Kept,
    stretches: Stretches,
    written: Option<Instant>,
    /// Whether there is something that was not written yet.
    is_unwritten: bool,
}

impl Drifting {
    /// Goes on with what the state folder has of the cameras of these `names`.
    pub fn new(device: Device, settings: DriftSettings, names: impl IntoIterator<Item = String>) -> Self {
        let board = Arc::new(DriftBoard::default());
        let every = Duration::from_secs_f32(settings.every);
        let follow = |name: String| {
            let kept = Kept::read(device.state(), &name).unwrap_or_default();
            board.show(kept.view(&name, settings.false_alarms));
            let stretches = Stretches::new(every, kept.record.as_ref().and_then(Record::last));
            (name, Followed { kept, stretches, written: None, is_unwritten: false })
        };
        let cameras = names.into_iter().map(follow).collect();
        Self { device, settings, cameras, opening: Opening::default(), board }
    }

    pub fn board(&self) -> Arc<DriftBoard> {
        self.board.clone()
    }

    /// The reference of `head`, where it is there already.
    fn reference(&mut self, head: &HeadName) -> Opened {
        let newest =
            self.cameras.values().filter(|camera| camera.kept.head == *head).find_map(|camera| camera.kept.newest);
        self.opening.look(&self.device, head, newest)
    }
}

impl Witness for Drifting {
    fn see(&mut self, sight: &Sight<'_>) -> Vec<Event> {
        if !self.cameras.get(sight.camera).is_some_and(|camera| camera.stretches.is_due(sight.at.0)) {
            return Vec::new();
        }
        let head = HeadName::of(sight.answer);
        let opened = self.reference(&head);
        let camera = self.cameras.get_mut(sight.camera).expect("looked up just now");
        let events = match opened {
            Opened::NotYet => return Vec::new(),
            Opened::Unwatched(unwatched) if !camera.kept.is_of(&head, Some(&unwatched)) => {
                tracing::info!(
                    "camera {} is not watched for drift with head {}: {unwatched}",
                    sight.camera,
                    head.version
                );
                camera.kept = Kept { head, unwatched: Some(unwatched), ..Kept::default() };
                camera.written = None;
                Vec::new()
            }
            Opened::Unwatched(_) => return Vec::new(),
            Opened::Ready { reference, newest } => {
                if !camera.kept.is_of(&head, None) {
                    camera.kept = Kept { head, newest, ..Kept::default() };
                }
                match camera.count(sight, &reference, self.settings.false_alarms) {
                    Some(events) => events,
                    None => return Vec::new(),
                }
            }
        };
        self.board.show(camera.kept.view(sight.camera, self.settings.false_alarms));
        camera.is_unwritten = true;
        if !events.is_empty() || camera.written.is_none_or(|written| written.elapsed() >= WRITTEN) {
            camera.write(&self.device, sight.camera);
        }
        events.into_iter().map(Event::Drift).collect()
    }
}

impl Drop for Drifting {
    fn drop(&mut self) {
        for (name, camera) in &mut self.cameras {
            if camera.is_unwritten {
                camera.write(&self.device, name);
            }
        }
    }
}

impl Followed {
    /// `None` where the look does not count.
    fn count(&mut self, sight: &Sight<'_>, reference: &Reference, false_alarms: f64) -> Option<Vec<DriftEvent>> {
        let feature = reference.channels_of(sight.feature)?;
        if !self.stretches.begins(sight.at.0, feature, reference.twin_limit()) {
            return None;
        }
        if self.kept.record.as_ref().is_none_or(|record| !record.fits(reference)) {
            (self.kept.record, self.kept.told) = (Some(Record::new(reference)), Vec::new());
        }
        let record = self.kept.record.as_mut().expect("set just now");
        let look = Look { at: sight.at.0, feature, unknown: unknown(sight.answer), class: class(sight.answer) };
        let found = record.count(reference, &look, false_alarms);
        let version = sight.answer.head_version;
        let events: Vec<DriftEvent> = found
            .into_iter()
            .map(|found| DriftEvent::new(sight.camera, sight.at, version, found, false_alarms))
            .collect();
        self.kept.told.extend(events.iter().cloned());
        Some(events)
    }

    fn write(&mut self, device: &Device, name: &str) {
        if let Err(error) = self.kept.write(device.state(), name) {
            tracing::warn!("what is known of the drift of camera {name} cannot be kept: {error}");
        }
        (self.written, self.is_unwritten) = (Some(Instant::now()), false);
    }
}

/// By the head's rule alone: a class that is called `unknown` is a class.
fn unknown(answer: &Answer) -> Option<bool> {
    match &answer.statement {
        Statement::Prediction(prediction) => {
            prediction.distance.zip(prediction.threshold).map(|(distance, threshold)| distance > threshold)
        }
        Statement::Number { unknown, .. } => Some(*unknown),
    }
}

/// The likeliest class of a known picture, as held-out answers are counted: an operating point may say another.
fn class(answer: &Answer) -> Option<&str> {
    match &answer.statement {
        Statement::Prediction(prediction) if unknown(answer) != Some(true) => {
            prediction.top.first().map(|likeliest| likeliest.label.as_str())
        }
        _ => None,
    }
}
