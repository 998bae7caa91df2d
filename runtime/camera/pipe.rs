//! Frames from a pipe, which may be silent: each read waits for a while and no longer.

use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::{Camera, CameraError, Frame, FrameError, JpegStream};

/// JPEG files that come one after another out of a pipe, a terminal or a file.
pub(super) struct PipedFrames {
    stream: JpegStream<PatientPipe>,
}

impl PipedFrames {
    /// `limit`: the longest frame that is taken, in bytes.
    pub fn new(pipe: File, limit: usize) -> Self {
        Self { stream: JpegStream::new(PatientPipe { pipe, until: Instant::now() }, limit) }
    }
}

impl Camera for PipedFrames {
    fn next(&mut self, patience: Duration) -> Result<Option<Frame>, CameraError> {
        self.stream.reader_mut().until = Instant::now() + patience;
        next_of(&mut self.stream)
    }
}

/// The next frame of a stream whose reader says [`io::ErrorKind::TimedOut`] when nothing came for a while.
pub(super) fn next_of<R: Read>(stream: &mut JpegStream<R>) -> Result<Option<Frame>, CameraError> {
    match stream.frame() {
        Ok(Some(frame)) => Ok(Some(Frame::file(frame))),
        Ok(None) | Err(FrameError::CutOff { .. }) => Err(CameraError::Ended),
        Err(FrameError::Read(error)) if error.kind() == io::ErrorKind::TimedOut => Ok(None),
        Err(error @ FrameError::TooLong { .. }) => {
            tracing::warn!("a frame was not taken: {error}");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

struct PatientPipe {
    pipe: File,
    until: Instant,
}

impl Read for PatientPipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        wait(&self.pipe, left(self.until)?)?;
        self.pipe.read(buffer)
    }
}

/// The time until then. A source that always has something to read, and never a frame, must not be read for ever.
pub(super) fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Waits until there is something to read, or the other end is closed.
#[cfg(unix)]
fn wait(pipe: &File, patience: Duration) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let patience = Timespec::try_from(patience).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&patience)) {
        Ok(0) => Err(io::ErrorKind::TimedOut.into()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Blocks in the read instead.
#[cfg(not(unix))]
fn wait(_: &File, _: Duration) -> io::Result<()> {
    Ok(())
}
