//! An MQTT 3.1.1 broker, and Home Assistant behind it.
//!
//! `topics.rs` has the table of topics. Whatever a broker is to have it gets at each connection; events are told at least once, in
//! their order.

mod connection;
mod home_assistant;
mod link;
mod refusal;
mod standing;
mod topics;

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use serde::Serialize;

pub use home_assistant::{About, state_of};
pub use link::Link;

use super::settings::MqttSettings;
use super::{AnnounceError, Announcer, Counts, Notice};
use standing::{Rank, Standing};
use topics::{NO_CHOICE, Topics};

/// Something that somebody asks for by way of the broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// What is before the camera now is of this class, as [`state_of`] writes it.
    ThisIs { camera: String, label: String },
    /// Fit a head on what is known.
    Teach { camera: String },
    /// Let the head before answer again.
    RollBack { camera: String },
}

/// What was decided of a camera, and holds. One JSON object.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct CameraState {
    pub label: Option<String>,
    /// `label` as Home Assistant has it.
    pub state: String,
    /// Whether it is the class that turns a binary sensor on; `None` where none does, or nothing holds.
    pub on: Option<bool>,
    pub score: Option<f32>,
    pub since: Option<String>,
    pub head_version: Option<u64>,
}

/// How a camera is. One JSON object.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CameraStatus {
    pub camera: &'static str,
    pub because: Option<String>,
    pub head_version: Option<u64>,
}

/// How a device is called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    /// In topics, for people.
    pub device: String,
    /// Eight letters and digits that no other device has, whatever it is called.
    pub key: String,
}

/// A broker that is told.
#[derive(Clone)]
pub struct Mqtt {
    announcer: Announcer,
    standing: Arc<Standing>,
    topics: Topics,
    named: Named,
    wake: Arc<tokio::sync::Notify>,
    takes_commands: bool,
}

impl Mqtt {
    /// What is said through the first of the two is told once the second one is started. `cameras` are all that this device has: others
    /// of its name are taken back. Commands go to `commands`.
    ///
    /// # Errors
    /// When certificates cannot be read.
    pub fn new(
        settings: &MqttSettings,
        (named, password): (&Named, Option<&str>),
        cameras: &[String],
        commands: SyncSender<Command>,
    ) -> Result<(Self, Link), AnnounceError> {
        let scheme = if settings.broker.tls { "mqtts" } else { "mqtt" };
        let address = format!("{scheme}://{}", settings.broker);
        let about = super::About { name: format!("the broker {}", settings.broker), kind: "mqtt", address };
        let announcer = Announcer::new(about);
        let wake = Arc::new(tokio::sync::Notify::new());
        let woken = wake.clone();
        // One that nobody waits for wakes whoever waits next.
        announcer.outbox.wake_by(move || woken.notify_one());
        let takes_commands = settings.takes_commands(settings.user.is_some() && password.is_some());
        let mqtt = Self {
            announcer,
            standing: Arc::default(),
            topics: Topics::new(&named.device, &settings.discovery),
            named: named.clone(),
            wake,
            takes_commands,
        };
        for camera in cameras {
            // A program that was killed may have left it as online, and this one may not watch it.
            mqtt.set_available(camera, false);
            mqtt.set(Rank::State, mqtt.topics.of(camera, "this_is"), NO_CHOICE);
        }
        mqtt.standing.set(Rank::Device, mqtt.topics.available(), link::ONLINE);
        let link = Link::new(&mqtt, settings, password, (cameras, commands))?;
        Ok((mqtt, link))
    }

    pub fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    pub fn counts(&self) -> Counts {
        self.announcer.counts()
    }

    pub fn tell(&self, notice: &Arc<Notice>) {
        self.announcer.tell(notice);
    }

    pub fn ask_to_end(&self, by: Instant) {
        self.announcer.ask_to_end(by);
    }

    /// What there is to a camera: to be told before the first state of a new class.
    pub fn describe(&self, about: &About) {
        let message = home_assistant::message(&self.named.key, &self.topics, about, self.takes_commands);
        if let Some(topic) = self.discovery(&about.camera)
            && self.standing.set(Rank::Discovery, topic, message.to_string())
        {
            // Home Assistant passed over it if it did not know its class.
            self.standing.send_again(Rank::State, self.topics.of(&about.camera, "state"));
            self.wake.notify_one();
        }
    }

    pub fn set_available(&self, camera: &str, is_live: bool) {
        let word = if is_live { link::ONLINE } else { link::OFFLINE };
        self.set(Rank::Camera, self.topics.of(camera, "available"), word);
    }

    pub fn set_state(&self, camera: &str, state: &CameraState) {
        self.set(Rank::State, self.topics.of(camera, "state"), json(state));
    }

    pub fn set_status(&self, camera: &str, status: &CameraStatus) {
        self.set(Rank::State, self.topics.of(camera, "status"), json(status));
    }

    /// An image file, JPEG; empty: there is none. `has_it` is called when the broker has it, which may be never.
    pub fn set_picture(&self, camera: &str, picture: Vec<u8>, has_it: impl Fn() + Send + Sync + 'static) {
        let topic = self.topics.of(camera, "picture");
        if self.standing.set_and_say(Rank::Picture, topic, picture, Some(Arc::new(has_it))) {
            self.wake.notify_one();
        }
    }

    fn discovery(&self, camera: &str) -> Option<String> {
        self.topics.discovery(&home_assistant::id(&self.named.key, camera))
    }

    fn set(&self, rank: Rank, topic: String, payload: impl Into<Vec<u8>>) {
        if self.standing.set(rank, topic, payload) {
            self.wake.notify_one();
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("it has no maps with other keys than text")
}
