//! What goes wrong with a camera.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use super::jpeg_stream::FrameError;

/// No more frames come from an open camera, or it cannot be opened. No message has a password in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CameraError {
    #[error("cannot reach `{address}`")]
    Unreachable { address: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("expected frames from `{address}`, got status {status}")]
    Status { address: String, status: u16 },
    #[error("`{address}` wants a user and a password ({scheme})")]
    Login { address: String, scheme: String },
    #[error("expected a JPEG file or a stream of them from `{address}`, got {got}")]
    NotFrames { address: String, got: String },
    #[error("cannot start `{program}`")]
    Start { program: String, source: io::Error },
    #[error("`{program}` ended ({status}){said}", said = said_text(.said))]
    CommandEnded {
        program: String,
        status: ExitStatus,
        /// The last lines of its error output.
        said: String,
    },
    #[error("cannot open `{path}`")]
    Device { path: PathBuf, source: io::Error },
    #[error("expected a camera that gives MJPEG or YUYV, got {got} from `{path}`")]
    Format { path: PathBuf, got: String },
    #[error("no more frames come from `{path}`")]
    Lost { path: PathBuf, source: io::Error },
    #[error("cannot look into the folder `{path}`")]
    Folder { path: PathBuf, source: io::Error },
    #[error("no frame came for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the stream of frames ended")]
    Ended,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("this build of edgetl cannot use {0}")]
    NotBuilt(&'static str),
}

fn said_text(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}
