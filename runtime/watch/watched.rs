//! One camera that is watched: from its newest frame to events.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answerer::{Answerer, NoAnswer, look};
use super::board::{Entry, Seen, View};
use super::decision::{Change, Decision, Look};
use super::event::{CameraEvent, CameraSet, CameraState, Decided, Event};
use super::gate::Gate;
use super::log::Log;
use super::motion::Grey;
use super::settings::CameraSettings;
use super::witness::{Sight, Witness};
use super::{Album, Moment};
use crate::camera::{Content, Frame};
use crate::causes::causes;
use crate::device::Glance;
use crate::preprocess::{Limits, Picture, decode};

/// After so many poor pictures one after another, the camera is said to give such.
const POOR: u32 = 3;

/// An event comes sooner after its frame; if not, the clock was set meanwhile.
const LONGEST_EVENT: Duration = Duration::from_secs(3600);

/// After so many answers one after another that score too little to count, it is said once.
const WEAK: u32 = 20;

/// What all cameras of a watch share.
pub(super) struct Common<'a> {
    pub answerer: &'a mut dyn Answerer,
    pub album: &'a mut Option<Album>,
    pub log: &'a mut Option<Log>,
    pub witnesses: &'a mut [Box<dyn Witness>],
    pub limits: Limits,
}

pub(super) struct Watched {
    pub entry: Arc<Entry>,
    /// What is obeyed of how the camera is set up.
    setup: u64,
    gate: Gate,
    settings: CameraSettings,
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
            setup: 0,
            gate: Gate::new(settings.gate()),
            settings: settings.clone(),
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
        let mut events = self.obey_setup(common);
        let frame = if self.wait().is_none() { self.entry.feed.take() } else { None };
        match frame {
            Some(frame) => {
                // Evenly, but without catching up.
                self.due = (self.due + self.interval).max(Instant::now() + self.interval / 2);
                events.extend(self.look_at(&frame, common)?);
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

    /// Begins anew where somebody set the camera up in another way: what was decided was about something else.
    fn obey_setup(&mut self, common: &mut Common<'_>) -> Vec<Event> {
        let (_, setup) = self.entry.section();
        if std::mem::replace(&mut self.setup, setup) == setup {
            return Vec::new();
        }
        let at = Moment::now();
        self.gate = Gate::new(self.settings.gate());
        let before = std::mem::replace(&mut self.decision, Decision::new(self.settings.rules()));
        let ended = before.end(at).map(|change| Event::Decided(self.event(change, None)));
        (self.poor, self.weak, self.seen.poor) = (0, 0, None);
        note(common.log, |log| log.begin_anew(&self.entry.name, at));
        let View { camera, on, region, region_from, .. } = self.entry.view();
        let set = Event::Set(CameraSet { camera, event: "camera-set", at, on, region, region_from });
        ended.into_iter().chain([set]).collect()
    }

    fn look_at(&mut self, frame: &Frame, common: &mut Common<'_>) -> Result<Vec<Event>, NoAnswer> {
        let at = Moment::from(frame.taken);
        let (decoding, (section, _)) = (Instant::now(), self.entry.section());
        let picture = match picture(&frame.content, &common.limits) {
            Ok(picture) => Arc::new(section.of(picture)),
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
        let decoded = Instant::now();
        let passes = self.gate.passes(running, || Grey::of(&picture), wanted);
        self.entry.count(|tally| {
            tally.took("decode", decoded - decoding);
            tally.took("gate", decoded.elapsed());
            tally.count_gate(passes.unwrap_or("shut"));
        });
        if passes.is_none() {
            return Ok(self.pass(at, common).map(Event::Decided).into_iter().collect());
        }
        self.seen.looks += 1;
        let asked = Instant::now();
        let glance = self.glance(picture.clone(), common)?;
        self.entry.count(|tally| {
            tally.took("answer", asked.elapsed());
            glance.iter().for_each(|glance| tally.count_glance(glance));
        });
        let Some(look) = glance.as_ref().map(|glance| look(glance, at)) else { return Ok(Vec::new()) };
        note(common.log, |log| log.look(&self.entry.name, &look));
        self.count_weak(&look);
        let changes = self.decision.take(look);
        let decided: Vec<Decided> = changes.into_iter().map(|change| self.decided(change, frame, common)).collect();
        let Some(Glance::Answer { answer, feature, .. }) = &glance else {
            return Ok(decided.into_iter().map(Event::Decided).collect());
        };
        let holds = self.decision.holds().map(|(label, _)| label);
        let camera = &self.entry.name;
        let (is_whole, picture, decided_now) = (section.is_whole(), &*picture, &decided[..]);
        let sight = Sight { camera, at, frame, is_whole, picture, feature, answer, decided: decided_now, holds };
        let others: Vec<Event> = common.witnesses.iter_mut().flat_map(|witness| witness.see(&sight)).collect();
        Ok(decided.into_iter().map(Event::Decided).chain(others).collect())
    }

    /// `None` where there is no answer, and none can be made up.
    fn glance(&mut self, picture: Arc<Picture>, common: &mut Common<'_>) -> Result<Option<Glance>, NoAnswer> {
        match common.answerer.answer(&self.entry.name, picture) {
            Ok(glance) => {
                match &glance {
                    Glance::Answer { answer, .. } => {
                        self.is_poor(None);
                        self.seen.answers += 1;
                        self.head_version = Some(answer.head_version);
                    }
                    Glance::Poor(poor) => self.is_poor(Some(poor.to_string())),
                }
                Ok(Some(glance))
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
        let elapsed = frame.and_then(|frame| frame.taken.elapsed().ok()).filter(|time| *time < LONGEST_EVENT);
        let seconds = elapsed.map(|time| time.as_secs_f64());
        self.entry.count(|tally| {
            tally.count_event(change.event.word());
            seconds.iter().for_each(|seconds| tally.took("event", Duration::from_secs_f64(*seconds)));
        });
        Decided { camera: self.entry.name.clone(), change, head_version: self.head_version, seconds, picture: None }
    }

    /// The state of the camera, where it is another than the one told last.
    pub fn state_event(&mut self) -> Option<CameraEvent> {
        let view = self.entry.view();
        let now = (view.state, view.cause().map(str::to_owned));
        if self.told.as_ref() == Some(&now) || view.state == CameraState::Connecting {
            return None;
        }
        self.told = Some(now);
        let (camera, because) = (view.camera, view.because);
        Some(CameraEvent { camera, event: "camera", at: Moment::now(), state: view.state, because })
    }
}

/// The whole picture of a frame, upright as its file says.
pub(super) fn picture(content: &Content, limits: &Limits) -> Result<Picture, String> {
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
