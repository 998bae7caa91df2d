//! What whoever watches is told.

use serde::Serialize;

use super::Moment;
use super::decision::Change;

/// Something happened before a camera, or to it. One JSON object.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub enum Event {
    Decided(Decided),
    Camera(CameraEvent),
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
        }
    }
}
