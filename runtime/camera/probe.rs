//! Whether a camera gives anything.

use std::time::{Duration, Instant};

use super::{CameraError, Frame, Source, Wanted};

/// Opens a camera, waits for its first frame, and closes it.
///
/// # Errors
/// When it cannot be opened, fails, or gives no frame in `patience`.
pub fn probe(source: &Source, wanted: &Wanted, patience: Duration) -> Result<Frame, CameraError> {
    let mut camera = source.open(wanted)?;
    let start = Instant::now();
    while let Some(left) = patience.checked_sub(start.elapsed()) {
        if let Some(frame) = camera.next(left.min(Duration::from_millis(200)))? {
            return Ok(frame);
        }
    }
    Err(CameraError::Silent(patience))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn probed(source: &str) -> Result<Frame, CameraError> {
        let wanted = Wanted { fps: 5.0, max_bytes: 1000 };
        probe(&source.parse().unwrap(), &wanted, Duration::from_millis(600))
    }

    #[test]
    fn a_camera_gives_a_frame_or_the_reason_why_not() {
        let jpeg = r"printf '\377\330\377\376\000\004ab\377\332\000\002xy\377\331'; sleep 9";
        assert!(probed(&format!("command:sh -c \"{}\"", jpeg.replace('\\', r"\\"))).is_ok());
        assert!(matches!(probed("command:sleep 9"), Err(CameraError::Silent(_))));
        assert!(matches!(probed("command:false"), Err(CameraError::CommandEnded { .. })));
        assert!(matches!(probed("command:there-is-no-such-program"), Err(CameraError::Start { .. })));
    }
}
