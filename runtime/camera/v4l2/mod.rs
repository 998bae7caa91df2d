//! `v4l2:/dev/video0`: a camera at this machine, through Video4Linux.
//!
//! ```text
//!  Kernel (a Driver) ── formats, sizes, rates ──► choice ── a mode ──► start
//!      └── buffers, of which the newest counts ──► JPEG: cut out; YUYV: made RGB ──► a frame
//! ```

mod choice;
mod kernel;
mod pace;
#[cfg(test)]
mod tests;
mod yuyv;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::choice::{Intervals, Mode, Sizes};
use self::kernel::Kernel;
use self::pace::Pace;
use self::yuyv::Coding;
use super::{Camera, CameraError, Content, Frame, FrameError, JpegStream, Wanted};
use crate::panics::caught;
use crate::preprocess::Dimensions;

/// The four characters by which drivers call a format.
type FourCc = [u8; 4];

/// How a buffer holds a picture.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Encoding {
    Jpeg,
    Yuyv,
}

impl Encoding {
    /// The formats that can be read, the preferred ones first: over USB, YUYV is slow or small.
    const FORMATS: &[(FourCc, Self)] = &[(*b"MJPG", Self::Jpeg), (*b"JPEG", Self::Jpeg), (*b"YUYV", Self::Yuyv)];
}

/// What is asked of the driver of a camera. Tests have one of their own.
trait Driver: Send {
    fn formats(&self) -> io::Result<Vec<FourCc>>;

    /// None where the driver does not list them.
    fn sizes(&self, format: FourCc) -> Vec<Sizes>;

    /// None where the driver does not list them.
    fn intervals(&self, format: FourCc, size: Dimensions) -> Vec<Intervals>;

    /// Sets the mode, as near as the camera can, and lets frames come.
    fn start(&mut self, mode: &Mode) -> io::Result<Given>;

    /// Whether a buffer is filled, or the camera failed, after `patience` at most.
    fn wait(&self, patience: Duration) -> io::Result<bool>;

    /// The buffer that was filled first, which [`wait`](Self::wait) has seen; nothing of one that the driver calls damaged.
    fn take(&mut self, into: &mut Vec<u8>) -> io::Result<()>;
}

/// What a camera was set to.
#[derive(Clone, Copy)]
struct Given {
    format: FourCc,
    layout: Layout,
}

/// How pixels lie in a buffer.
#[derive(Clone, Copy)]
struct Layout {
    size: Dimensions,
    /// Bytes from one line to the next.
    stride: u32,
    coding: Coding,
}

/// # Errors
/// When it is not there, may not be opened, is in use, or gives nothing that can be read.
pub(super) fn open(path: &Path, wanted: &Wanted) -> Result<Box<dyn Camera>, CameraError> {
    let failed = |source| CameraError::Device { path: path.to_owned(), source };
    // The crate panics where a driver answers what it does not know.
    let opened = caught(|| Video::start(Kernel::open(path).map_err(failed)?, path, wanted));
    Ok(Box::new(opened.map_err(|message| failed(io::Error::other(message)))??))
}

/// A camera that gives frames.
struct Video<D> {
    path: PathBuf,
    driver: D,
    encoding: Encoding,
    layout: Layout,
    max_bytes: usize,
    pace: Pace,
    /// What was in the newest buffer.
    bytes: Vec<u8>,
}

impl<D: Driver> Video<D> {
    fn start(mut driver: D, path: &Path, wanted: &Wanted) -> Result<Self, CameraError> {
        let failed = |source| CameraError::Device { path: path.to_owned(), source };
        let others = |formats: &[FourCc]| CameraError::Format { path: path.to_owned(), got: names(formats) };
        let Some(mode) = choice::choose(&driver, wanted.fps).map_err(failed)? else {
            return Err(others(&driver.formats().map_err(failed)?));
        };
        let given = driver.start(&mode).map_err(failed)?;
        if given.format != mode.format {
            return Err(others(&[given.format]));
        }
        let Dimensions { width, height } = given.layout.size;
        tracing::info!("`{}` gives {} in {width}x{height}", path.display(), names(&[given.format]));
        Ok(Self {
            path: path.to_owned(),
            driver,
            encoding: mode.encoding,
            layout: given.layout,
            max_bytes: wanted.max_bytes,
            pace: Pace::new(wanted.interval()),
            bytes: Vec::new(),
        })
    }

    /// Takes a buffer, if one is filled in `patience`.
    fn take(&mut self, patience: Duration) -> Result<bool, CameraError> {
        let ready = self.driver.wait(patience);
        let taken =
            ready.and_then(|ready| if ready { self.driver.take(&mut self.bytes).map(|()| true) } else { Ok(false) });
        taken.map_err(|source| CameraError::Lost { path: self.path.clone(), source })
    }

    /// What the newest buffer holds; `None` where it is damaged, as the first ones of many cameras are.
    fn content(&self) -> Option<Content> {
        match self.encoding {
            Encoding::Jpeg => jpeg(&self.bytes, self.max_bytes).map(|file| Content::File(file.into())),
            Encoding::Yuyv => yuyv::to_rgb(&self.bytes, &self.layout).map(|pixels| Content::Pixels(Arc::new(pixels))),
        }
    }
}

impl<D: Driver> Camera for Video<D> {
    fn next(&mut self, patience: Duration) -> Result<Option<Frame>, CameraError> {
        let until = Instant::now() + patience;
        while self.take(until.saturating_duration_since(Instant::now()))? {
            while self.take(Duration::ZERO)? {}
            let now = Instant::now();
            if self.pace.is_early(now) {
                continue;
            }
            if let Some(content) = self.content() {
                self.pace.passed(now);
                return Ok(Some(Frame::now(content)));
            }
        }
        Ok(None)
    }
}

/// The file that a buffer begins with. The buffer may be longer.
fn jpeg(buffer: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut stream = JpegStream::new(buffer, limit);
    match stream.frame() {
        // One further in is a picture within a damaged one.
        Ok(frame) if stream.stray() == 0 => frame,
        Err(error @ FrameError::TooLong { .. }) => {
            tracing::warn!("a frame was not taken: {error}");
            None
        }
        _ => None,
    }
}

fn names(formats: &[FourCc]) -> String {
    let names: Vec<_> = formats.iter().map(|name| String::from_utf8_lossy(name).trim_end().to_owned()).collect();
    if names.is_empty() { "no pictures at all".to_owned() } else { names.join(", ") }
}
