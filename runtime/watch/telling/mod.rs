//! Events for everybody who is told, and for a broker what holds at any time.

#[cfg(feature = "announce")]
mod desk;

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::event::Event;
use crate::announce::{About, Announcer, Counts, Notice};

#[cfg(feature = "announce")]
pub use desk::{Desk, Ordered};

/// Tells everybody; may be shared by threads.
pub struct Telling {
    announcers: Vec<Announcer>,
    #[cfg(feature = "announce")]
    desk: Option<Desk>,
    device: String,
    /// No other start of a program has it.
    start: u64,
    count: AtomicU64,
}

/// What is told: the event, with what tells it from all others.
#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    device: &'a str,
    #[serde(flatten)]
    event: &'a Event,
}

impl Telling {
    /// `device` is what this device is called in what is told.
    pub fn new(device: &str, announcers: Vec<Announcer>) -> Self {
        // The standard library's hash maps get a number from the system that nobody guesses; a clock may not be set yet.
        let start = std::hash::RandomState::new().build_hasher().finish();
        Self {
            announcers,
            #[cfg(feature = "announce")]
            desk: None,
            device: device.to_owned(),
            start,
            count: AtomicU64::new(0),
        }
    }

    pub fn add(&mut self, announcer: Announcer) {
        self.announcers.push(announcer);
    }

    /// Also keeps what a broker is to have.
    #[cfg(feature = "announce")]
    pub fn with(self, desk: Desk) -> Self {
        Self { desk: Some(desk), ..self }
    }

    /// Never waits.
    pub fn tell(&self, event: &Event) {
        let id = format!("{:016x}-{}", self.start, self.count.fetch_add(1, Ordering::Relaxed));
        let json = serde_json::to_string(&Told { id: &id, device: &self.device, event }).expect("its keys are text");
        let notice = Arc::new(Notice { id, camera: event.camera().map(str::to_owned), json });
        #[cfg(feature = "announce")]
        if let Some(desk) = &self.desk {
            desk.show(event);
        }
        self.all().for_each(|announcer| announcer.tell(&notice));
    }

    /// Who is told, and what came of it.
    pub fn counts(&self) -> Vec<(About, Counts)> {
        self.all().map(|announcer| (announcer.about().clone(), announcer.counts())).collect()
    }

    /// Tells what waits, for so long, and ends.
    pub fn end(&self, within: Duration) {
        let by = Instant::now() + within;
        self.all().for_each(|announcer| announcer.ask_to_end(by));
        self.all().for_each(Announcer::end);
    }

    fn all(&self) -> impl Iterator<Item = &Announcer> {
        let all = self.announcers.iter();
        #[cfg(feature = "announce")]
        let all = all.chain(self.desk.iter().map(Desk::announcer));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announce::settings::LogSettings;
    use crate::watch::{CameraEvent, CameraState, Moment};

    #[test]
    fn each_event_has_an_id_of_its_own_and_says_whose_it_is() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("events.jsonl");
        let log = Announcer::log(&LogSettings { file: file.clone(), megabytes: 1 }).unwrap();
        let telling = Telling::new("pi", vec![log]);
        let event = CameraEvent {
            camera: "gate".to_owned(),
            event: "camera",
            at: Moment(0),
            state: CameraState::Live,
            because: None,
        };
        (0..3).for_each(|_| telling.tell(&Event::Camera(event.clone())));
        telling.end(Duration::from_secs(30));
        let text = crate::files::read_to_string(&file, 1 << 24).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let ids: std::collections::BTreeSet<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 3);
        assert!(lines.iter().all(|line| line["device"] == "pi" && line["camera"] == "gate" && line["state"] == "live"));
        assert_eq!(telling.counts()[0].1.told, 3);
    }
}
