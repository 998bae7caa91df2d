//! The cameras of the settings, each asked for a frame.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::Serialize;

use crate::camera::{CameraError, Content, Source, Wanted, probe};
use crate::causes::causes;
use crate::cli::context::Context;
use crate::cli::drift;
use crate::cli::output::table;
use crate::preprocess::{Limits, decode};
use crate::printable::printable;
use crate::watch::{CameraSettings, Choice, Choices, DriftView, kept_view};

/// What decoders and slow cameras take to their first frame.
const PATIENCE: Duration = Duration::from_secs(8);

/// A camera, tried.
#[derive(Serialize)]
pub struct TriedCamera {
    camera: String,
    /// Without passwords.
    source: String,
    /// Whether somebody switched it off; then it is not asked.
    off: bool,
    /// Of its first frame; `None` where none came, or none is asked for.
    width: Option<u32>,
    height: Option<u32>,
    reason: Option<String>,
    remedy: Option<String>,
    /// `None` where nothing is known yet, or it is not watched for.
    drift: Option<DriftView>,
}

/// Each in turn.
pub fn try_cameras(context: &Context) -> Vec<TriedCamera> {
    let limits = crate::cli::engine::limits(&context.config);
    let names = context.config.camera.keys().cloned();
    let chosen: BTreeMap<String, Choice> = Choices::of(context.device(), names).look().into_iter().collect();
    let is_off = |name: &String| chosen.get(name).is_some_and(|choice| !choice.on);
    let tried = |(name, settings): (&String, &CameraSettings)| {
        let false_alarms = Some(context.config.drift.false_alarms).filter(|rate| *rate > 0.0);
        let drift = false_alarms.and_then(|rate| kept_view(&context.state, name, rate));
        let off = is_off(name);
        let tried = if off { TriedCamera::untried(name, settings) } else { TriedCamera::of(name, settings, &limits) };
        TriedCamera { drift, off, ..tried }
    };
    context.config.camera.iter().map(tried).collect()
}

impl TriedCamera {
    fn untried(name: &str, settings: &CameraSettings) -> Self {
        Self {
            camera: name.to_owned(),
            source: settings.source.to_string(),
            off: false,
            width: None,
            height: None,
            reason: None,
            remedy: None,
            drift: None,
        }
    }

    fn of(name: &str, settings: &CameraSettings, limits: &Limits) -> Self {
        let (source, mut tried) = (&settings.source, Self::untried(name, settings));
        // They wait for somebody.
        if !source.is_steady() {
            if let Source::Folder(folder) = source {
                tried.reason = std::fs::read_dir(folder).err().map(|error| error.to_string());
            }
            return tried;
        }
        let wanted = Wanted { fps: settings.fps, max_bytes: usize::try_from(limits.max_bytes).unwrap_or(usize::MAX) };
        match probe(source, &wanted, PATIENCE) {
            Ok(frame) => tried.look_at(&frame.content, limits),
            Err(error) => {
                tried.remedy = remedy(&error).map(str::to_owned);
                tried.reason = Some(causes(&error));
            }
        }
        tried
    }

    fn look_at(&mut self, content: &Content, limits: &Limits) {
        let size = match content {
            Content::Pixels(picture) => Ok(picture.dimensions()),
            Content::File(bytes) => decode(bytes, limits, [255; 3]).map(|picture| picture.dimensions()),
        };
        match size {
            Ok(size) => (self.width, self.height) = (Some(size.width), Some(size.height)),
            Err(error) => self.reason = Some(causes(&error)),
        }
    }

    /// What keeps it from being watched.
    pub fn failure(&self) -> Option<String> {
        self.reason.as_ref().map(|reason| format!("camera {}: {reason}", self.camera))
    }

    fn row(&self) -> [String; 3] {
        let found = match (self.width.zip(self.height), &self.reason) {
            (Some((width, height)), _) => format!("{width}x{height}"),
            (None, Some(_)) => "-".to_owned(),
            (None, None) if self.off => "off".to_owned(),
            (None, None) => "waits for frames".to_owned(),
        };
        [self.camera.clone(), printable(&self.source).into_owned(), found]
    }
}

/// Nothing where there are no cameras.
pub fn text(cameras: &[TriedCamera]) -> String {
    if cameras.is_empty() {
        return String::new();
    }
    let mut text = table(["camera", "source", "first frame"], cameras.iter().map(TriedCamera::row));
    for camera in cameras {
        if let Some(reason) = &camera.reason {
            text.push_str(&format!("\n  {} cannot be watched: {}", camera.camera, printable(reason)));
        }
        if let Some(remedy) = &camera.remedy {
            text.push_str(&format!("\n    remedy: {remedy}"));
        }
        if let Some(view) = &camera.drift {
            text.extend(drift::text(view).lines().map(|line| format!("\n  {line}")));
        }
    }
    text
}

fn remedy(error: &CameraError) -> Option<&'static str> {
    match error {
        CameraError::Start { program, source } if source.kind() == io::ErrorKind::NotFound => match program.as_str() {
            "ffmpeg" => Some("install it: apt-get install ffmpeg"),
            _ => Some("install the program, or name it with its whole path"),
        },
        CameraError::Login { .. } => Some(
            "put them into the address: http://USER:PASSWORD@…; for Digest: source = \"command:ffmpeg -i … -f mjpeg -\"",
        ),
        CameraError::Device { source, .. } => match source.kind() {
            io::ErrorKind::PermissionDenied => {
                Some("let this user use it: usermod --append --groups video USER, and log in again")
            }
            io::ErrorKind::ResourceBusy => Some("another program uses it, perhaps a running edgetl"),
            io::ErrorKind::NotFound => Some("`ls /dev/video*` shows which there are"),
            _ => None,
        },
        CameraError::Unreachable { .. } => {
            Some("is it on, and in this network? a browser on this machine shows the same address")
        }
        _ => None,
    }
}
