//! Watching for drift: which cameras are, and what `doctor` says of them.

use std::sync::Arc;

use super::config::Config;
use super::output::count;
use crate::device::Device;
use crate::printable::printable;
use crate::watch::{CameraSettings, DriftBoard, DriftEvent, DriftView, Drifting, Watch};

/// Watches `cameras`, which are of the settings: of others nothing is kept from one run to the next.
pub fn follow(
    watch: &mut Watch,
    device: &Device,
    config: &Config,
    cameras: &[(String, CameraSettings)],
) -> Option<Arc<DriftBoard>> {
    let names: Vec<String> = cameras.iter().map(|(name, _)| name.clone()).collect();
    if config.drift.false_alarms == 0.0 || names.is_empty() {
        return None;
    }
    let drifting = Drifting::new(device.clone(), config.drift, names);
    let board = drifting.board();
    watch.witnesses.push(Box::new(drifting));
    Some(board)
}

/// One line or more.
pub fn text(view: &DriftView) -> String {
    let head = view.head_version.map_or_else(String::new, |version| format!(" with head {version}"));
    let camera = &view.camera;
    if let Some(because) = &view.because {
        return format!("{camera} is not watched for drift{head}: {}", printable(because));
    }
    let looks = usize::try_from(view.looks).unwrap_or(usize::MAX);
    let mut lines: Vec<String> = view.told.iter().map(|event| format!("{camera}: {}", told(event))).collect();
    if !view.told.iter().any(DriftEvent::is_warning) {
        lines.insert(0, format!("{camera}: nothing unusual in {}{head}", count(looks, "look")));
    }
    lines.join("\n")
}

fn told(event: &DriftEvent) -> String {
    let since = event.since.map_or_else(String::new, |since| format!(", since about {since}"));
    let advice = match event.is_warning() {
        true => "; collect such pictures and fit again, or set the camera right",
        false => "; that is usual, and nothing is wrong with the head",
    };
    format!("{}{since}{advice}", printable(&event.sentence))
}
