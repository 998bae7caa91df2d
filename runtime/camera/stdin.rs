//! `-`: JPEG files on standard input.

use std::fs::File;

use super::pipe::PipedFrames;
use super::{CameraError, Wanted};

/// # Errors
/// When this process has no standard input.
pub(super) fn open(wanted: &Wanted) -> Result<PipedFrames, CameraError> {
    // Not through the buffer of the standard library, in which something could stand that a wait does not see.
    #[cfg(unix)]
    let input = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned();
    #[cfg(windows)]
    let input = std::os::windows::io::AsHandle::as_handle(&std::io::stdin()).try_clone_to_owned();
    let input = input.map_err(super::FrameError::Read)?;
    Ok(PipedFrames::new(File::from(input), wanted.max_bytes))
}
