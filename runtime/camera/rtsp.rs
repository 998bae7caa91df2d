//! `rtsp://…`: ffmpeg asks the camera, decodes its video and writes a few pictures a second.
//!
//! Network cameras send H.264 or H.265 as a rule, for which a decoder is needed in any case. A reader of RTSP of our own (the
//! crate `retina`: 58 packages) would spare nothing but the process for the few that send MJPEG.

use super::command::Child;
use super::{Address, CameraError, Wanted};

/// # Errors
/// When ffmpeg cannot be started.
pub(super) fn open(address: &Address, wanted: &Wanted) -> Result<Child, CameraError> {
    Child::start(&arguments(address, wanted.fps), wanted)
}

/// There is no `-timeout`: it is the time to wait for a camera that calls, before version 5 of ffmpeg. Who reads the frames has
/// a limit of its own.
fn arguments(address: &Address, fps: f32) -> Vec<String> {
    let (url, filter) = (address.whole(), format!("fps={fps}"));
    let words =
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", &url, "-an", "-vf", &filter];
    let picture = ["-q:v", "4", "-f", "mjpeg", "-"];
    words.into_iter().chain(picture).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ffmpeg_is_asked_for_few_pictures_a_second_with_the_password_in_the_address() {
        let address = Address::new("rtsp://user:secret@10.0.0.7/live").unwrap();
        let words = arguments(&address, 2.5);
        assert!(words.contains(&"rtsp://user:secret@10.0.0.7/live".to_owned()));
        assert!(words.windows(2).any(|pair| pair == ["-vf", "fps=2.5"]));
        assert_eq!(words.last().unwrap(), "-");
    }
}
