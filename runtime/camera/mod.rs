//! Where frames come from: one file a kind of camera, all behind one trait, and what keeps a camera running.
//!
//! ```text
//!  Source ── open ──► dyn Camera ── next ──► Feed: a thread a camera, which opens it again when it fails
//!  (as a user                                  │
//!   names it)                                  └──► the newest frame, and what the camera does
//! ```
//!
//! No frame waits for another: whoever takes one gets the newest, and what came between is counted and dropped, so a slow
//! network or a slow reader never builds a delay.

mod address;
mod command;
mod error;
mod feed;
mod folder;
mod frame;
#[cfg(feature = "cameras")]
mod http;
mod jpeg_stream;
mod pipe;
mod probe;
mod rtsp;
mod source;
mod stdin;
#[cfg(all(feature = "cameras", target_os = "linux"))]
mod v4l2;

#[cfg(all(test, feature = "cameras", unix))]
mod conformance;
#[cfg(all(test, feature = "cameras"))]
mod test_server;

use std::time::Duration;

pub use address::Address;
pub use error::CameraError;
pub use feed::{Activity, Bell, Feed, Status};
pub use frame::{Content, Frame};
pub use jpeg_stream::{FrameError, JpegStream};
pub use probe::probe;
pub use source::{Source, SourceError};

/// An open camera. Dropping it closes it and ends what it started.
pub trait Camera: Send {
    /// The next frame; `None` when none came in `patience`, about. Frames come in their order.
    ///
    /// # Errors
    /// When no more will come: the camera must be opened again, but for [`CameraError::Ended`] of a source that ends.
    fn next(&mut self, patience: Duration) -> Result<Option<Frame>, CameraError>;

    /// Whether it goes on by itself after an error, and remembers what it saw.
    fn goes_on(&self) -> bool {
        false
    }
}

/// What a camera is asked for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Wanted {
    /// Frames a second that are of use; a camera may give more where it costs nothing.
    pub fps: f32,
    /// The longest frame that is taken, in bytes.
    pub max_bytes: usize,
}

impl Wanted {
    /// Between two frames.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_secs_f32(1.0 / self.fps.clamp(0.001, 1000.0))
    }
}
