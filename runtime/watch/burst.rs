//! Collecting on purpose: what cameras see now is all of one class, and becomes samples.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::choice::{Choice, Choices};
use super::gate::Gate;
use super::motion::Grey;
use super::region::Section;
use super::settings::CameraSettings;
use super::still::file;
use super::watched::picture;
use super::{LOOK, Moment};
use crate::camera::{Activity, Bell, Content, Feed, Frame, Wanted};
use crate::dataset::SampleId;
use crate::device::{Device, DeviceError, NewPicture};
use crate::digest::Fingerprint;
use crate::head::Neighbourhood;
use crate::labels::Label;
use crate::predictor::SingleExtractor;
use crate::preprocess::{Picture, REVISION};
use crate::store::FeatureVector;
use crate::threads::NoThread;

/// Cameras before which there is one thing.
pub struct Burst {
    device: Device,
    label: Label,
    extractor: SingleExtractor,
    fingerprint: Fingerprint,
    known: Neighbourhood,
    cameras: Vec<Camera>,
    /// What somebody chose for them meanwhile, in another program.
    choices: Choices,
    bell: Arc<Bell>,
    done: Collected,
}

struct Camera {
    name: String,
    feed: Feed,
    settings: CameraSettings,
    choice: Choice,
    section: Section,
    gate: Gate,
    interval: Duration,
    due: Instant,
    /// What the gate counts from.
    started: Instant,
    group: String,
    /// Why it failed, as was said last.
    failed: Option<String>,
}

/// A picture that became a sample. One JSON object.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Taken {
    pub camera: String,
    /// Always `collected`.
    pub event: &'static str,
    pub at: Moment,
    pub label: Label,
    /// The number of the sample.
    pub id: i64,
}

/// What came of all pictures that were looked at.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Collected {
    pub stored: usize,
    /// Much like one that was stored before, of this burst or of any other.
    pub twins: usize,
    /// By what is wrong with them.
    pub poor: BTreeMap<&'static str, usize>,
    /// Frames that are no picture that can be used.
    pub failed: usize,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BurstError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Thread(#[from] NoThread),
    #[error("cannot tell of a picture")]
    Told(#[source] io::Error),
}

impl Burst {
    /// Opens the cameras, as far as `choices` does not say otherwise, and the backbone in use.
    ///
    /// # Errors
    /// When the state cannot be written, the backbone runs nowhere, or the system refuses a thread.
    pub fn start(
        device: Device,
        cameras: &[(String, CameraSettings)],
        mut choices: Choices,
        label: Label,
    ) -> Result<Self, BurstError> {
        let extractor = device.single_extractor()?;
        let manifest = extractor.manifest();
        let (fingerprint, channels) = (manifest.fingerprint(), manifest.feature.dim);
        let known = device.neighbourhood(&device.store()?, (&fingerprint, channels))?;
        let (bell, limits) = (Arc::new(Bell::default()), device.settings().limits);
        let max_bytes = usize::try_from(limits.max_bytes).unwrap_or(usize::MAX);
        // Of all cameras: there is one thing before them.
        let group = format!("collected {}", Moment::now());
        let mut chosen = choices.first();
        let open = |(name, settings): &(String, CameraSettings)| {
            let wanted = Wanted { fps: settings.fps, max_bytes };
            let choice = chosen.remove(name).unwrap_or_default();
            let feed = Feed::start(settings.source.clone(), wanted, bell.clone(), choice.on)?;
            let mut camera = Camera::new((name, &group), feed, settings);
            camera.obey(choice);
            Ok(camera)
        };
        let cameras = cameras.iter().map(open).collect::<Result<Vec<_>, NoThread>>()?;
        Ok(Self { device, label, extractor, fingerprint, known, cameras, choices, bell, done: Collected::default() })
    }

    /// Whether somebody switched all of them off.
    pub fn is_off(&self) -> bool {
        !self.choices.has_failed() && self.cameras.iter().all(|camera| !camera.feed.is_on())
    }

    /// Collects until `stop` says so, or every camera came to its end; tells of each sample once it is stored.
    ///
    /// # Errors
    /// When the state cannot be written, or what `tell` gave; what was told of is stored.
    pub fn run(
        mut self,
        stop: &dyn Fn() -> bool,
        tell: &mut dyn FnMut(&Taken) -> io::Result<()>,
    ) -> Result<Collected, BurstError> {
        let mut heard = 0;
        while !stop() && !self.cameras.iter().all(Camera::is_over) {
            let wait = self.cameras.iter().map(Camera::wait).filter(|wait| !wait.is_zero()).min();
            heard = self.bell.wait(heard, wait.unwrap_or(LOOK).min(LOOK));
            self.obey_choices();
            for place in 0..self.cameras.len() {
                let Some(frame) = self.cameras[place].next() else { continue };
                if let Some(taken) = self.take(place, &frame)? {
                    tell(&taken).map_err(BurstError::Told)?;
                }
            }
        }
        self.cameras.iter().for_each(|camera| camera.feed.ask_to_stop());
        Ok(self.done)
    }

    fn obey_choices(&mut self) {
        for (name, choice) in self.choices.look() {
            let named = self.cameras.iter_mut().find(|camera| camera.name == name);
            named.into_iter().for_each(|camera| camera.obey(choice.clone()));
        }
    }

    fn take(&mut self, place: usize, frame: &Frame) -> Result<Option<Taken>, BurstError> {
        let Some(upright) = self.upright(place, frame) else { return Ok(None) };
        let feature = match self.extractor.feature_of(&upright).map_err(DeviceError::from)? {
            Ok(feature) => feature,
            Err(poor) => {
                *self.done.poor.entry(poor.name()).or_default() += 1;
                return Ok(None);
            }
        };
        if self.known.is_copy(self.known.distance(&feature)) {
            self.done.twins += 1;
            return Ok(None);
        }
        let is_whole = self.cameras[place].section.is_whole();
        let content = if is_whole { frame.content.clone() } else { Content::Pixels(upright.into()) };
        let Some(bytes) = file(&content) else {
            self.done.failed += 1;
            return Ok(None);
        };
        let id = self.store(place, &bytes, feature)?;
        let (camera, label) = (self.cameras[place].name.clone(), self.label.clone());
        Ok(Some(Taken { camera, event: "collected", at: frame.taken.into(), label, id: id.0 }))
    }

    /// What the network is to see of a frame; `None` where nothing moves, or it is no picture.
    fn upright(&mut self, place: usize, frame: &Frame) -> Option<Picture> {
        let camera = &mut self.cameras[place];
        let upright = match picture(&frame.content, &self.device.settings().limits) {
            Ok(picture) => camera.section.of(picture),
            Err(because) => {
                self.done.failed += 1;
                if self.done.failed == 1 {
                    tracing::warn!("a frame of camera {} cannot be used: {because}", camera.name);
                }
                return None;
            }
        };
        let running = Moment::default().after(camera.started.elapsed());
        camera.gate.passes(running, || Grey::of(&upright), false).map(|_| upright)
    }

    fn store(&mut self, place: usize, bytes: &[u8], feature: Vec<f32>) -> Result<SampleId, BurstError> {
        let camera = &self.cameras[place];
        self.known.add(&feature);
        let features = FeatureVector { fingerprint: self.fingerprint, revision: REVISION, values: feature };
        let (label, group, from) = (Some(&self.label), Some(camera.group.clone()), camera.name.as_str());
        let added = self.device.add_picture(&NewPicture { bytes, features, label, group, from })?;
        self.done.stored += 1;
        Ok(added.id)
    }
}

impl Camera {
    fn new((name, group): (&str, &str), feed: Feed, settings: &CameraSettings) -> Self {
        Self {
            name: name.to_owned(),
            feed,
            settings: settings.clone(),
            choice: Choice::default(),
            section: settings.section(),
            gate: Gate::new(settings.gate()),
            interval: Duration::from_secs_f32(1.0 / settings.fps),
            due: Instant::now(),
            started: Instant::now(),
            group: group.to_owned(),
            failed: None,
        }
    }

    /// Opens or closes it, and looks at another part of its pictures, as somebody chose.
    fn obey(&mut self, choice: Choice) {
        self.feed.switch(choice.on);
        if choice.on != self.choice.on {
            tracing::warn!(
                "camera {} is {}",
                self.name,
                if choice.on { "on" } else { "off: nothing of it is collected" }
            );
        }
        if choice.region != self.choice.region {
            let region = choice.region.clone().or_else(|| self.settings.region.clone());
            self.section = CameraSettings { region, ..self.settings.clone() }.section();
            (self.gate, self.started) = (Gate::new(self.settings.gate()), Instant::now());
        }
        self.choice = choice;
    }

    fn wait(&self) -> Duration {
        self.due.saturating_duration_since(Instant::now())
    }

    /// The newest frame, where its time has come.
    fn next(&mut self) -> Option<Frame> {
        self.say_what_failed();
        let frame = if self.wait().is_zero() { self.feed.take() } else { None };
        if frame.is_some() {
            self.due = (self.due + self.interval).max(Instant::now() + self.interval / 2);
        }
        frame
    }

    fn say_what_failed(&mut self) {
        let failed = match self.feed.status().activity {
            Activity::Failed { because } => Some(because),
            _ => None,
        };
        if let Some(because) = failed.as_ref().filter(|_| failed != self.failed) {
            tracing::warn!("camera {} failed: {because}", self.name);
        }
        self.failed = failed;
    }

    fn is_over(&self) -> bool {
        self.feed.status().activity == Activity::Ended && !self.feed.has_frame()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Source;
    use crate::watch::{ChoiceChange, Region};

    #[test]
    fn a_camera_is_opened_and_cut_as_somebody_chooses_while_it_is_collected() {
        let place = tempfile::tempdir().unwrap();
        let device = Device::open(place.path().join("state")).unwrap();
        let keep = |change: &str| {
            let change: ChoiceChange = serde_json::from_str(change).unwrap();
            change.keep(&device, "gate").unwrap();
        };
        let obey = |burst: &mut Burst| {
            burst.choices.look_now();
            burst.obey_choices();
        };
        keep(r#"{"on": false}"#);
        let cameras = [("gate".to_owned(), CameraSettings::new(Source::Push))];
        let choices = Choices::of(device.clone(), ["gate".to_owned()]);
        let mut burst = Burst::start(device.clone(), &cameras, choices, "open".parse().unwrap()).unwrap();
        assert!(burst.is_off());
        keep(r#"{"on": true, "region": [0, 0, 0.5, 1]}"#);
        obey(&mut burst);
        let half = Region::rectangle([0.0, 0.0, 0.5, 1.0]).unwrap();
        assert!(!burst.is_off() && burst.cameras[0].section.region == Some(half));
        keep(r#"{"on": false, "region": null}"#);
        obey(&mut burst);
        assert!(burst.is_off() && burst.cameras[0].section.region.is_none());
    }
}
