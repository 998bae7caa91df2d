//! What a broker is to have of each camera, kept up to date.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::announce::Announcer;
use crate::announce::mqtt::{About, CameraState, CameraStatus, Command, Link, Mqtt, state_of};
use crate::camera::Content;
use crate::causes::causes;
use crate::device::Device;
use crate::head::Outputs;
use crate::labels::Label;
use crate::preprocess::{Limits, decode, to_small_jpeg};
use crate::printable::printable;
use crate::store::HeadVersion;
use crate::threads::{NoThread, spawn};
use crate::watch::event::{CameraState as State, Event};
use crate::watch::{Board, CameraSettings, Decided, Kind, Mode, Recent};

/// Between two looks at cameras and heads; what is decided is shown at once.
const EVERY: Duration = Duration::from_secs(2);
/// A picture that the network saw is shown so often at most, besides those of events.
const PICTURE_EVERY: Duration = Duration::from_secs(10);
/// The longer side of a picture: brokers refuse large messages.
const SIDE: u32 = 1280;
/// Between the labels of a picture that has several.
const AND: char = '+';

/// Keeps a broker up to date, from a thread of its own.
pub struct Desk {
    announcer: Announcer,
    newest: Arc<Newest>,
    wake: SyncSender<()>,
}

/// What was decided last of each camera, and is not shown yet; `None` where it was set up anew since.
type Newest = Mutex<BTreeMap<String, Option<Decided>>>;

struct Work {
    mqtt: Mqtt,
    device: Device,
    board: Arc<Board>,
    /// By camera.
    settings: BTreeMap<String, CameraSettings>,
    recent: Recent,
    known: Mutex<Known>,
    /// When each camera's picture was sent off last.
    shown: Mutex<BTreeMap<String, Instant>>,
}

#[derive(Default)]
struct Known {
    is_described: bool,
    head: Option<HeadVersion>,
    labels: Vec<Label>,
    /// Whether a picture has several.
    several: bool,
}

/// Obeys what comes by way of a broker. Errors are logged.
pub trait Ordered: Send {
    fn label(&mut self, camera: &str, label: &Label) -> Result<(), String>;
    fn teach(&mut self) -> Result<(), String>;
    fn roll_back(&mut self) -> Result<(), String>;
}

impl Desk {
    /// # Errors
    /// When the system refuses a thread.
    pub fn open(
        (mqtt, link, commands): (Mqtt, Link, Receiver<Command>),
        device: Device,
        (board, settings, recent): (Arc<Board>, &[(String, CameraSettings)], Recent),
        mut ordered: Box<dyn Ordered>,
    ) -> Result<Self, NoThread> {
        let announcer = mqtt.announcer().clone();
        let settings = settings.iter().cloned().collect();
        let work =
            Arc::new(Work { mqtt, device, board, settings, recent, known: Mutex::default(), shown: Mutex::default() });
        for camera in work.settings.keys() {
            work.mqtt.set_state(camera, &work.state(camera, None));
        }
        work.look();
        link.start()?;
        let newest = Arc::new(Newest::default());
        let (wake, woken) = sync_channel(1);
        let (obeying, shown) = (Arc::downgrade(&work), newest.clone());
        spawn("desk", move || {
            while woken.recv_timeout(EVERY) != Err(RecvTimeoutError::Disconnected) {
                let decided = std::mem::take(&mut *lock(&shown));
                // Home Assistant passes over a state that it was not told of.
                work.look();
                decided.into_iter().for_each(|(camera, decided)| work.show(&camera, decided.as_ref()));
            }
        })?;
        // Ends with the broker's thread.
        spawn("orders", move || {
            for command in commands {
                let Some(work) = Weak::upgrade(&obeying) else { return };
                work.obey(command, &mut *ordered);
            }
        })?;
        Ok(Self { announcer, newest, wake })
    }

    pub(super) fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    pub(super) fn show(&self, event: &Event) {
        let (camera, decided) = match event {
            Event::Decided(decided) => (&decided.camera, Some(decided.clone())),
            Event::Set(set) => (&set.camera, None),
            _ => return,
        };
        lock(&self.newest).insert(camera.clone(), decided);
        // One who was woken already sees it too.
        let _ = self.wake.try_send(());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Work {
    /// At the cameras, and at the head that is live.
    fn look(&self) {
        self.look_at_head();
        let head_version = lock(&self.known).head.map(|version| version.0);
        for view in self.board.views() {
            if !self.settings.contains_key(&view.camera) {
                continue;
            }
            let because = view.cause().map(str::to_owned);
            self.mqtt.set_available(&view.camera, matches!(view.state, State::Live | State::Poor));
            let status = CameraStatus { camera: view.state.word(), because, head_version };
            self.mqtt.set_status(&view.camera, &status);
            let shown = lock(&self.shown).get(&view.camera).copied();
            if shown.is_none_or(|shown| shown.elapsed() > PICTURE_EVERY) {
                self.show_picture(&view.camera);
            }
        }
    }

    /// What the camera saw last, which is what "This is" is about.
    fn show_picture(&self, camera: &str) {
        if let Some(seen) = self.recent.to_show(camera) {
            // One that cannot be shown takes the place of an older one all the same.
            let picture = jpeg(seen.content(), &self.device.settings().limits).unwrap_or_default();
            self.mqtt.set_picture(camera, picture, move || seen.is_shown());
            lock(&self.shown).insert(camera.to_owned(), Instant::now());
        }
    }

    /// Describes the cameras anew where another head is live.
    fn look_at_head(&self) {
        let mut known = lock(&self.known);
        let version = self.device.heads().folder().current_version().ok();
        if known.is_described && version == known.head {
            return;
        }
        let head = match self.device.heads().live() {
            Ok(head) => head,
            Err(error) if known.is_described => {
                tracing::debug!("the head cannot be read: {}", causes(&error));
                return;
            }
            Err(_) => None,
        };
        known.is_described = true;
        known.head = head.as_ref().map(|head| head.version);
        let artifact = head.as_ref().map(|head| &head.artifact);
        known.labels = artifact.map_or_else(Vec::new, |head| head.labels().iter().cloned().collect());
        known.several = artifact.is_some_and(|head| matches!(head.outputs(), Outputs::Labels { .. }));
        let backbone = artifact.and_then(|head| self.device.backbones().name_of(&head.fingerprint()).ok());
        let labels: Vec<String> = known.labels.iter().map(Label::to_string).collect();
        for (camera, settings) in &self.settings {
            self.mqtt.describe(&About {
                camera: camera.clone(),
                classes: if known.several { Vec::new() } else { labels.clone() },
                labels: labels.clone(),
                backbone: backbone.clone(),
                on: settings.on.as_ref().map(|on| (on.to_string(), settings.device_class.clone())),
            });
        }
    }

    /// What holds before `camera`, by what was decided last.
    fn state(&self, camera: &str, decided: Option<&Decided>) -> CameraState {
        let decided = decided.filter(|decided| decided.change.event != Kind::Ended);
        let label = decided.map(|decided| decided.change.label.as_str());
        CameraState {
            label: label.map(str::to_owned),
            state: label.map_or_else(|| "None".to_owned(), state_of),
            on: self.is_on(camera, label),
            score: decided.and_then(|decided| decided.change.score),
            since: decided.map(|decided| decided.change.at.to_string()),
            head_version: decided.and_then(|decided| decided.head_version),
        }
    }

    /// Nobody there is no visit; a state that is not known yet is neither.
    fn is_on(&self, camera: &str, label: Option<&str>) -> Option<bool> {
        let settings = self.settings.get(camera)?;
        let on = settings.on.as_ref()?.as_str();
        let several = lock(&self.known).several;
        match label {
            Some(label) => Some(label == on || (several && label.split(AND).any(|label| label == on))),
            None => (settings.mode == Mode::Visit).then_some(false),
        }
    }

    fn show(&self, camera: &str, decided: Option<&Decided>) {
        self.mqtt.set_state(camera, &self.state(camera, decided));
        if decided.is_some() {
            self.show_picture(camera);
        }
    }

    fn obey(&self, command: Command, ordered: &mut dyn Ordered) {
        let (Command::ThisIs { camera, .. } | Command::Teach { camera } | Command::RollBack { camera }) = &command;
        if !self.settings.contains_key(camera) {
            tracing::warn!("asked over MQTT about a camera that there is none of: {}", printable(camera));
            return;
        }
        let (what, done) = match command {
            Command::ThisIs { camera, label } => {
                let what = format!("call what is before the camera {camera} `{}`", printable(&label));
                (what, self.label(&label).and_then(|label| ordered.label(&camera, &label)))
            }
            Command::Teach { .. } => ("fit a head".to_owned(), ordered.teach()),
            Command::RollBack { .. } => ("roll the head back".to_owned(), ordered.roll_back()),
        };
        match done {
            Ok(()) => tracing::info!("asked over MQTT to {what}: done"),
            Err(error) => tracing::warn!("asked over MQTT to {what}: {}", printable(&error)),
        }
        self.look();
    }

    /// The class that Home Assistant calls so, or a new one.
    fn label(&self, state: &str) -> Result<Label, String> {
        let known = lock(&self.known).labels.iter().find(|label| state_of(label.as_str()) == state).cloned();
        known.map_or_else(|| Label::new(state).map_err(|error| causes(&error)), Ok)
    }
}

/// A frame as an image file that everybody can show and every broker takes.
fn jpeg(frame: &Content, limits: &Limits) -> Option<Vec<u8>> {
    match frame {
        Content::File(bytes) => decode(bytes, limits, [255; 3]).ok().map(|picture| to_small_jpeg(&picture, SIDE)),
        Content::Pixels(picture) => Some(to_small_jpeg(picture, SIDE)),
    }
}
