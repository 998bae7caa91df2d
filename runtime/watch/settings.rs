//! What a camera's owner may set: a section `[camera.NAME]` of the settings.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

use super::decision::{Mode, Rules, RulesError};
use super::gate::{GateSettings, Opens};
use super::region::{Region, Rotation, Section};
use crate::announce::BINARY_CLASSES;
use crate::announce::settings::is_plain;
use crate::camera::Source;
use crate::labels::Label;

/// A camera, and how it is watched. A field that is not named has its default.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraSettings {
    #[serde(deserialize_with = "source")]
    pub source: Source,
    /// Degrees clockwise that make its pictures upright.
    #[serde(default)]
    pub rotate: Rotation,
    /// The part of the upright picture that matters.
    #[serde(default)]
    pub region: Option<Region>,
    /// The most frames a second that are looked at.
    #[serde(default = "fps")]
    pub fps: f32,
    /// What opens the gate to the network.
    #[serde(default)]
    pub gate: Option<Opens>,
    /// The least share of the region that must move.
    #[serde(default = "area")]
    pub area: f32,
    /// With the gate `motion`: the longest time without a look, in seconds.
    #[serde(default = "every")]
    pub every: f32,
    #[serde(default)]
    pub mode: Mode,
    #[serde(default)]
    pub threshold: Option<f32>,
    #[serde(default)]
    pub hysteresis: Option<f32>,
    #[serde(default)]
    pub in_a_row: Option<usize>,
    #[serde(default)]
    pub consensus: Option<f32>,
    #[serde(default)]
    pub tries: Option<usize>,
    #[serde(default)]
    pub hold: Option<f32>,
    #[serde(default)]
    pub gone_after: Option<f32>,
    /// The class that turns a binary sensor of Home Assistant's on.
    #[serde(default)]
    pub on: Option<Label>,
    /// What kind of sensor that is.
    #[serde(default, deserialize_with = "device_class")]
    pub device_class: Option<String>,
}

fn fps() -> f32 {
    5.0
}

fn area() -> f32 {
    0.005
}

fn every() -> f32 {
    30.0
}

fn source<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Source, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

fn device_class<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let class = String::deserialize(deserializer)?;
    match BINARY_CLASSES.contains(&class.as_str()) {
        true => Ok(Some(class)),
        false => Err(D::Error::custom(format!("expected one of {}, got `{class}`", BINARY_CLASSES.join(", ")))),
    }
}

impl CameraSettings {
    pub fn new(source: Source) -> Self {
        Self {
            source,
            rotate: Rotation::default(),
            region: None,
            fps: fps(),
            gate: None,
            area: area(),
            every: every(),
            mode: Mode::State,
            threshold: None,
            hysteresis: None,
            in_a_row: None,
            consensus: None,
            tries: None,
            hold: None,
            gone_after: None,
            on: None,
            device_class: None,
        }
    }

    /// # Errors
    /// When a value is outside its range.
    pub fn check(&self) -> Result<(), RulesError> {
        let all = [
            ("fps", "from 0.01 to 60", self.fps, 0.01..=60.0),
            ("area", "from 0 to 1", self.area, 0.0..=1.0),
            ("every", "from 0.1 to 86400 seconds", self.every, 0.1..=86400.0),
        ];
        if self.mode == Mode::Visit && self.rules().gone_after <= 1.0 / self.fps {
            let expected = "to be longer than the time between two frames (1 / fps)";
            return Err(RulesError { name: "gone_after", expected, got: self.rules().gone_after });
        }
        match all.into_iter().find(|(.., got, range)| !range.contains(got)) {
            Some((name, expected, got, _)) => Err(RulesError { name, expected, got }),
            None => self.rules().check(),
        }
    }

    pub fn rules(&self) -> Rules {
        let default = Rules::default();
        Rules {
            mode: self.mode,
            threshold: self.threshold,
            hysteresis: self.hysteresis.unwrap_or(default.hysteresis),
            in_a_row: self.in_a_row.unwrap_or(default.in_a_row),
            consensus: self.consensus.unwrap_or(default.consensus),
            tries: self.tries.unwrap_or(default.tries),
            hold: self.hold.unwrap_or(default.hold),
            gone_after: self.gone_after.unwrap_or(default.gone_after),
        }
    }

    pub(super) fn section(&self) -> Section {
        Section { rotation: self.rotate, region: self.region.clone() }
    }

    /// A picture that somebody put into a folder, or sent, is meant to be looked at.
    pub(super) fn gate(&self) -> GateSettings {
        let usual = if matches!(self.source, Source::Folder(_) | Source::Push) { Opens::Always } else { Opens::Motion };
        GateSettings { opens: self.gate.unwrap_or(usual), area: self.area, every: Duration::from_secs_f32(self.every) }
    }
}

/// Letters, digits, `-` and `_`, at most 64: a name goes into file names and topics.
pub fn is_camera_name(name: &str) -> bool {
    is_plain(name)
}
