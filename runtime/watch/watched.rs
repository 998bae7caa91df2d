//! One camera that is watched: from its newest frame to events.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answerer::{Answerer, NoAnswer, look};
use super::board::{Entry, Seen};
use super::decision::{Change, Decision, Look};
use super::event::{CameraEvent, CameraState, Decided, Event};
use super::gate::Gate;
use super::log::Log;
use super::motion::Grey;
use super::region::Section;
use super::settings::CameraSettings;
use super::{Album, Moment};
use crate::camera::{Content, Frame};
use crate::causes::causes;
use crate::device::Glance;
use crate::preprocess::{Limits, Picture, decode};

/// After so many poor pictures one after another, the camera is said to give such.
const POOR: u32 = 3;

/// After so many answers one after another that score too little to count, it is said once.
const WEAK: u32 = 20;

/// What all cameras of a watch share.
pub(super) struct Common<'a> {
    pub answerer: &'a mut dyn Answerer,
    pub album: &'a mut Option<Album>,
    pub log: &'a mut Option<Log>,
    pub limits: Limits,
}

pub(super) struct Watched {
    pub entry: Arc<Entry>,
    section: Section,
    gate: Gate,
    decision: Decision,
    interval: Duration,
    /// What the gate counts from: a clock that nobody sets.
    started: Instant,
    /// Before that no other frame is looked at.
    due: Instant,
    seen: Seen,
    /// Poor pictures one after another.
    poor: u32,
    /// Answers one after another that scored too little.
    weak: u32,
    told: Option<(CameraState, Option<String>)>,
    head_version: Option<u64>,
}

impl Watched {
    pub fn new(entry: Arc<Entry>, settings: &CameraSettings) -> Self {
        Self {
            entry,
            section: settings.section(),
            gate: Gate::new(settings.gate()),
            decision: Decision::new(settings.rules()),
            interval: Duration::from_secs_f32(1.0 / settings.fps),
            started: Instant::now(),
            due: Instant::now(),
            seen: Seen::default(),
            poor: 0,
            weak: 0,
            told: None,
            head_version: None,
        }
    }

    /// How long until another frame may be looked at; `None` where one may be already.
    pub fn wait(&self) -> Option<Duration> {
        Some(self.due.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    /// Looks at the newest frame, where there is one and its time has come.
    ///
    /// # Errors
    /// When nobody answers any more.
    pub fn turn(&mut self, common: &mut Common<'_>) -> Result<Vec<Event>, NoAnswer> {
        let mut events: Vec<Event> = Vec::new();
        let frame = if self.wait().is_none() { self.entry.feed.take() } else { None };
        match frame {
            Some(frame) => {
                // Evenly, but without catching up.
                self.due = (self.due + self.interval).max(Instant::now() + self.interval / 2);
                events.extend(self.look_at(&frame, common)?.into_iter().map(Event::Decided));
            }
            // A frame that waits was taken before now, and may show that a visit goes on.
            None if self.entry.feed.has_frame() => {}
            None => events.extend(self.pass(Moment::now(), common).map(Event::Decided)),
        }
        let (holds, since) = self.decision.holds().map(|(label, since)| (label.to_owned(), since)).unzip();
        self.seen.holds = holds.zip(since);
        self.entry.see(self.seen.clone());
        events.extend(self.state_event().map(Event::Camera));
        Ok(events)
    }

    fn look_at(&mut self, frame: &Frame, common: &mut Common<'_>) -> Result<Vec<Decided>, NoAnswer> {
        let at = Moment::from(frame.taken);
        let picture = match picture(&frame.content, &common.limits) {
            Ok(picture) => self.section.of(picture),
            Err(error) => {
                self.is_poor(Some(error));
                return Ok(Vec::new());
            }
        };
        if self.entry.take_trigger() {
            self.gate.trigger();
        }
        let wanted = self.decision.is_open() || (1..POOR).contains(&self.poor);
        let running = Moment::default().after(self.started.elapsed());
        if !self.gate.passes(running, || Grey::of(&picture), wanted) {
            return Ok(self.pass(at, common).into_iter().collect());
        }
        self.seen.looks += 1;
        let Some(look) = self.answered(picture, at, common)? else { return Ok(Vec::new()) };
        note(common.log, |log| log.look(&self.entry.name, &look));
        self.count_weak(&look);
        let changes = self.decision.take(look);
        Ok(changes.into_iter().map(|change| self.decided(change, frame, common)).collect())
    }

    /// `None` where there is no answer, and none can be made up.
    fn answered(&mut self, picture: Picture, at: Moment, common: &mut Common<'_>) -> Result<Option<Look>, NoAnswer> {
        match common.answerer.answer(&self.entry.name, picture) {
            Ok(Glance::Answer { answer, decided }) => {
                self.is_poor(None);
                self.seen.answers += 1;
                self.head_version = Some(answer.head_version);
                Ok(Some(look(&answer, at, decided)))
            }
            Ok(Glance::Poor(poor)) => {
                self.is_poor(Some(poor.to_string()));
                Ok(Some(Look::Nothing { at, nothing: poor.to_string() }))
            }
            Err(NoAnswer::Gone) => Err(NoAnswer::Gone),
            Err(NoAnswer::NoHead) => Ok(None),
            Err(error) => {
                tracing::warn!("no answer about a frame of camera {}: {}", self.entry.name, causes(&error));
                Ok(None)
            }
        }
    }

    /// A head that learned from few pictures is seldom sure, and the one who waits for events does not see why there are none.
    fn count_weak(&mut self, look: &Look) {
        let Some(least) = self.decision.missed(look) else {
            self.weak = 0;
            return;
        };
        self.weak = self.weak.saturating_add(1);
        if self.weak == WEAK {
            tracing::info!(
                "the last {WEAK} answers about camera {} scored below {least}, so none counts; more pictures make a head surer, \
                 a lower `threshold` lets more count",
                self.entry.name
            );
        }
    }

    fn is_poor(&mut self, because: Option<String>) {
        self.poor = if because.is_some() { self.poor.saturating_add(1) } else { 0 };
        self.seen.poor = because.filter(|_| self.poor >= POOR);
    }

    fn pass(&mut self, now: Moment, common: &mut Common<'_>) -> Option<Decided> {
        if !self.decision.is_moved_by(now) {
            return None;
        }
        note(common.log, |log| log.passed(&self.entry.name, now));
        let change = self.decision.pass(now)?;
        Some(self.event(change, None))
    }

    fn decided(&mut self, change: Change, frame: &Frame, common: &mut Common<'_>) -> Decided {
        let mut event = self.event(change, Some(frame));
        let kept = common
            .album
            .as_mut()
            .map(|album| album.keep(&frame.content, &event.camera, &event.change.label, event.change.at));
        match kept {
            Some(Ok(path)) => event.picture = Some(path.display().to_string()),
            Some(Err(error)) => tracing::warn!("the picture of an event cannot be saved: {error}"),
            None => {}
        }
        event
    }

    fn event(&self, change: Change, frame: Option<&Frame>) -> Decided {
        // A clock that was set meanwhile gives no time at all.
        let seconds = frame.and_then(|frame| frame.taken.elapsed().ok()).map(|time| time.as_secs_f64());
        Decided { camera: self.entry.name.clone(), change, head_version: self.head_version, seconds, picture: None }
    }

    /// The state of the camera, where it is another than the one told last.
    pub fn state_event(&mut self) -> Option<CameraEvent> {
        let view = self.entry.view();
        // The measured value of a poor picture is another with each.
        let kind = |because: &String| because.split(':').next().unwrap_or_default().to_owned();
        let now = (view.state, view.because.as_ref().map(kind));
        if self.told.as_ref() == Some(&now) || view.state == CameraState::Connecting {
            return None;
        }
        self.told = Some(now);
        let (camera, because) = (view.camera, view.because);
        Some(CameraEvent { camera, event: "camera", at: Moment::now(), state: view.state, because })
    }
}

fn picture(content: &Content, limits: &Limits) -> Result<Picture, String> {
    match content {
        // A camera's pictures have nothing to see through.
        Content::File(bytes) => decode(bytes, limits, [255; 3]).map_err(|error| causes(&error)),
        Content::Pixels(picture) => Ok(Picture::clone(picture)),
    }
}

/// A log that cannot be written is given up, with a word about it.
fn note(log: &mut Option<Log>, write: impl FnOnce(&mut Log) -> io::Result<()>) {
    if let Some(Err(error)) = log.as_mut().map(write) {
        tracing::error!("the log cannot be written any more: {error}");
        *log = None;
    }
}
