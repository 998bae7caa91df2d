//! How a user names a camera.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::{Address, Camera, CameraError, Wanted};
use super::{command, folder, rtsp, stdin};

/// A camera as settings and command lines name it.
#[derive(Clone, PartialEq, Debug)]
pub enum Source {
    /// `http://…`, `https://…`: a picture at a time, or a stream of them (MJPEG).
    Http(Address),
    /// `rtsp://…`, `rtsps://…`: through ffmpeg.
    Rtsp(Address),
    /// `command:PROGRAM ARGUMENTS…`: a program that writes JPEG files to its standard output, one after another.
    Command(Vec<String>),
    /// `v4l2:/dev/video0`: a camera at this machine.
    Video(PathBuf),
    /// `folder:DIR`: the pictures that are put into a folder from now on.
    Folder(PathBuf),
    /// `-`: JPEG files on standard input, one after another.
    Stdin,
    /// `push`: frames that clients send over HTTP.
    Push,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    #[error(
        "expected a camera as http://…, rtsp://…, v4l2:/dev/video0, folder:DIR, command:PROGRAM…, push or -, got `{0}`"
    )]
    Unknown(String),
    #[error("expected a host in the address `{0}`; in a password, / is written %2F, ? is %3F, # is %23 and @ is %40")]
    Address(String),
    #[error("expected a program and its arguments behind `command:`, got {0}")]
    Command(&'static str),
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = || Address::new(text).ok_or_else(|| SourceError::Address(without_login(text)));
        let kind = text.split_once(':').map_or(text, |(kind, _)| kind).to_ascii_lowercase();
        let rest = text.split_once(':').map_or("", |(_, rest)| rest);
        match kind.as_str() {
            "http" | "https" => Ok(Self::Http(address()?)),
            "rtsp" | "rtsps" => Ok(Self::Rtsp(address()?)),
            "command" => words(rest).map(Self::Command),
            "v4l2" if !rest.is_empty() => Ok(Self::Video(rest.into())),
            "folder" if !rest.is_empty() => Ok(Self::Folder(rest.into())),
            "-" => Ok(Self::Stdin),
            "push" if text.len() == kind.len() => Ok(Self::Push),
            _ => Err(SourceError::Unknown(without_login(text))),
        }
    }
}

/// Also of what could not be understood.
fn without_login(text: &str) -> String {
    let at = text.find("://").map(|at| at + 3).zip(text.rfind('@')).filter(|(start, end)| start < end);
    at.map_or_else(|| text.to_owned(), |(start, end)| format!("{}{}", &text[..start], &text[end + 1..]))
}

fn words(text: &str) -> Result<Vec<String>, SourceError> {
    let words = shlex::split(text).ok_or(SourceError::Command("a quotation mark without its second one"))?;
    if words.first().is_none_or(String::is_empty) {
        return Err(SourceError::Command("nothing"));
    }
    Ok(words)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(address) | Self::Rtsp(address) => address.fmt(f),
            // Its arguments may hold a password.
            Self::Command(words) => write!(f, "command:{}", words[0]),
            Self::Video(path) => write!(f, "v4l2:{}", path.display()),
            Self::Folder(path) => write!(f, "folder:{}", path.display()),
            Self::Stdin => f.write_str("-"),
            Self::Push => f.write_str("push"),
        }
    }
}

impl Source {
    /// Opens it. One of [`Source::Push`] has nothing to open: frames are given to its feed.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(&self, wanted: &Wanted) -> Result<Box<dyn Camera>, CameraError> {
        Ok(match self {
            #[cfg(feature = "cameras")]
            Self::Http(address) => super::http::open(address, wanted)?,
            #[cfg(not(feature = "cameras"))]
            Self::Http(_) => return Err(CameraError::NotBuilt("cameras over HTTP")),
            Self::Rtsp(address) => Box::new(rtsp::open(address, wanted)?),
            Self::Command(words) => Box::new(command::Child::start(words, wanted)?),
            #[cfg(all(feature = "cameras", target_os = "linux"))]
            Self::Video(path) => super::v4l2::open(path, wanted)?,
            #[cfg(not(all(feature = "cameras", target_os = "linux")))]
            Self::Video(_) => return Err(CameraError::NotBuilt("cameras of this machine by v4l2")),
            Self::Folder(path) => Box::new(folder::Folder::open(path, wanted)),
            Self::Stdin => Box::new(stdin::open(wanted)?),
            Self::Push => return Err(CameraError::NotBuilt("a camera that is pushed to as one to be opened")),
        })
    }

    /// Whether a frame is due all the time, so that silence is a fault.
    pub fn is_steady(&self) -> bool {
        !matches!(self, Self::Folder(_) | Self::Push | Self::Stdin)
    }

    /// Whether its end is no fault: there is no more.
    pub fn ends(&self) -> bool {
        matches!(self, Self::Stdin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_by_how_it_begins() {
        let read = |text: &str| text.parse::<Source>().unwrap();
        assert_eq!(read("http://cam.lan/mjpeg"), Source::Http(Address::new("http://cam.lan/mjpeg").unwrap()));
        assert_eq!(read("RTSP://cam.lan").to_string(), "rtsp://cam.lan");
        assert_eq!(read("v4l2:/dev/video0"), Source::Video("/dev/video0".into()));
        assert_eq!(read("folder:in/box"), Source::Folder("in/box".into()));
        assert_eq!((read("-"), read("push")), (Source::Stdin, Source::Push));
        let command = read("command:ffmpeg -i 'a file.mp4' -f mjpeg -");
        assert_eq!(
            command,
            Source::Command(["ffmpeg", "-i", "a file.mp4", "-f", "mjpeg", "-"].map(Into::into).to_vec())
        );
        assert_eq!(command.to_string(), "command:ffmpeg");
    }

    #[test]
    fn what_is_no_camera_is_refused_without_its_password() {
        for text in [
            "",
            "cam.lan",
            "v4l2:",
            "folder:",
            "ftp://user:secret@cam",
            "rtsp://user:se/secret@cam/live",
            "rtsp://user:12/secret@cam",
            "command:",
            "command:a 'b",
            "http://",
            "pushed",
        ] {
            let error = text.parse::<Source>().unwrap_err().to_string();
            assert!(error.starts_with("expected"), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
