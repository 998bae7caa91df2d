//! What whoever watches is told.

use serde::Serialize;

use super::Moment;
use super::board::RegionFrom;
use super::decision::Change;
use super::drift::DriftEvent;
use super::region::Region;
use crate::device::TrainingEvent;

/// Something happened before a camera, or to it. One JSON object.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub enum Event {
    Decided(Decided),
    Camera(CameraEvent),
    Set(CameraSet),
    Drift(DriftEvent),
    /// A head was fitted, or was not; of no camera.
    Training(Box<TrainingEvent>),
}

impl Event {
    /// The camera that it is about, where it is about one.
    pub fn camera(&self) -> Option<&str> {
        match self {
            Self::Decided(decided) => Some(&decided.camera),
            Self::Camera(camera) => Some(&camera.camera),
            Self::Set(set) => Some(&set.camera),
            Self::Drift(drift) => Some(&drift.camera),
            Self::Training(_) => None,
        }
    }
}

impl From<&TrainingEvent> for Event {
    fn from(event: &TrainingEvent) -> Self {
        Self::Training(Box::new(event.clone()))
    }
}

/// Something happened before a camera.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Decided {
    pub camera: String,
    #[serde(flatten)]
    pub change: Change,
    /// The head that said so; `None` where a log is played again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_version: Option<u64>,
    /// From the arrival of the frame to the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The file that the frame was saved as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// A camera comes, goes, stands still or sees nothing.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CameraEvent {
    pub camera: String,
    /// Always `camera`.
    pub event: &'static str,
    pub at: Moment,
    pub state: CameraState,
    /// Why, where it is not live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// Somebody switched a camera on or off, or chose another region.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CameraSet {
    pub camera: String,
    /// Always `camera-set`.
    pub event: &'static str,
    pub at: Moment,
    pub on: bool,
    /// The part of the upright picture that is looked at now; null is all of it.
    pub region: Option<Region>,
    pub region_from: Option<RegionFrom>,
}

/// How a camera is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraState {
    Connecting,
    Live,
    /// It is open and gives no frames.
    Stale,
    /// It is opened again and again.
    Failed,
    /// All frames are the same to the last bit.
    Frozen,
    /// Its pictures are of no use: too dark, too bright, blurred, too small.
    Poor,
    /// It had an end.
    Ended,
    /// Somebody switched it off.
    Off,
}

impl CameraState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Failed => "failed",
            Self::Frozen => "frozen",
            Self::Poor => "poor",
            Self::Ended => "ended",
            Self::Off => "off",
        }
    }
}
