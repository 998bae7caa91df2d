//! What somebody chose for a camera while it is watched: whether it is on, and another region. Kept in the store, before the settings.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer};

use super::region::Region;
use crate::causes::causes;
use crate::device::{Device, DeviceError};
use crate::store::Store;

/// Between two looks at whether another program changed something.
const LOOK: Duration = Duration::from_millis(500);
/// How long a look waits for a store that is being written.
const PATIENCE: Duration = Duration::from_millis(100);

/// What holds beside the settings of a camera.
#[derive(Clone, PartialEq, Debug)]
pub struct Choice {
    /// Whether it is open at all.
    pub on: bool,
    /// In place of the region of the settings.
    pub region: Option<Region>,
}

impl Default for Choice {
    fn default() -> Self {
        Self { on: true, region: None }
    }
}

/// What is to change of a choice; what is not named stays.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceChange {
    pub on: Option<bool>,
    /// `Some(None)` goes back to the settings.
    #[serde(default, deserialize_with = "named")]
    pub region: Option<Option<Region>>,
}

/// `null` is something else than nothing.
fn named<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Region>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The store's settings of a camera; a name has no space.
fn key(camera: &str, what: &str) -> String {
    format!("camera {camera} {what}")
}

impl Choice {
    /// What was chosen for `camera`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(store: &Store, camera: &str) -> Result<Self, DeviceError> {
        let on = store.setting(&key(camera, "on"))?;
        let region = store.setting(&key(camera, "region"))?.filter(|text| !text.is_empty());
        let read = |text: String| {
            let region = serde_json::from_str(&text);
            region
                .inspect_err(|error| tracing::warn!("the region chosen for camera {camera} is passed over: {error}"))
                .ok()
        };
        Ok(Self { on: on.as_deref() != Some("no"), region: region.and_then(read) })
    }
}

impl ChoiceChange {
    /// Changes what was chosen for `camera`, and gives what holds now. When this returns, it survives a power cut.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn keep(&self, device: &Device, camera: &str) -> Result<Choice, DeviceError> {
        let mut store = device.store()?;
        let on = self.on.map(|on| (key(camera, "on"), if on { "yes" } else { "no" }.to_owned()));
        let region = self.region.as_ref().map(|region| {
            let text = region.as_ref().map(|region| serde_json::to_string(region).expect("numbers"));
            (key(camera, "region"), text.unwrap_or_default())
        });
        store.set_settings(on.into_iter().chain(region))?;
        Choice::of(&store, camera)
    }
}

/// Looks now and then what was chosen, whichever program wrote it.
pub struct Choices {
    device: Device,
    cameras: Vec<String>,
    /// Whether regions count, or somebody said another one for now.
    with_regions: bool,
    store: Option<Store>,
    /// As the store counts what other connections wrote.
    version: Option<i64>,
    due: Instant,
    has_failed: bool,
}

impl Choices {
    /// What is chosen for `cameras`, which are of the settings.
    pub fn of(device: Device, cameras: impl IntoIterator<Item = String>) -> Self {
        let cameras = cameras.into_iter().collect();
        Self { device, cameras, with_regions: true, store: None, version: None, due: Instant::now(), has_failed: false }
    }

    /// The same, where regions are said elsewhere.
    pub fn without_regions(self) -> Self {
        Self { with_regions: false, ..self }
    }

    /// What was chosen for each camera when they are opened: until that can be read, none is.
    pub fn first(&mut self) -> BTreeMap<String, Choice> {
        let mut chosen: BTreeMap<String, Choice> = self.look().into_iter().collect();
        let unnamed = Choice { on: !self.has_failed, region: None };
        let of = |camera: &String| (camera.clone(), chosen.remove(camera).unwrap_or_else(|| unnamed.clone()));
        self.cameras.iter().map(of).collect()
    }

    /// The next look waits for nothing.
    #[cfg(test)]
    pub(super) fn look_now(&mut self) {
        self.due = Instant::now();
    }

    /// Whether the last look did not come to anything.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// What was chosen for each camera, where its time has come and something was written since the last look.
    pub fn look(&mut self) -> Vec<(String, Choice)> {
        if Instant::now() < self.due {
            return Vec::new();
        }
        self.due = Instant::now() + LOOK;
        match self.read() {
            Ok(choices) => {
                self.has_failed = false;
                choices
            }
            Err(error) => {
                (self.store, self.version) = (None, None);
                if !std::mem::replace(&mut self.has_failed, true) {
                    let because = causes(&error);
                    tracing::warn!(
                        "what was chosen for cameras cannot be read, so none is opened until it can: {because}"
                    );
                }
                Vec::new()
            }
        }
    }

    fn read(&mut self) -> Result<Vec<(String, Choice)>, DeviceError> {
        if self.store.is_none() && self.device.state().database().exists() {
            let store = self.device.existing_store()?;
            store.set_patience(PATIENCE)?;
            self.store = Some(store);
        }
        let Some(store) = &self.store else {
            // One that could not be read is gone, and with it what was chosen.
            let gone = self.cameras.iter().filter(|_| self.has_failed);
            return Ok(gone.map(|camera| (camera.clone(), Choice::default())).collect());
        };
        let version = store.data_version()?;
        if self.version.replace(version) == Some(version) {
            return Ok(Vec::new());
        }
        let chosen = |camera: &String| {
            let choice = Choice::of(store, camera)?;
            Ok((camera.clone(), Choice { region: choice.region.filter(|_| self.with_regions), ..choice }))
        };
        self.cameras.iter().map(chosen).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &str) -> ChoiceChange {
        serde_json::from_str(text).unwrap()
    }

    fn device() -> (tempfile::TempDir, Device) {
        let place = tempfile::tempdir().unwrap();
        let device = Device::open(place.path()).unwrap();
        (place, device)
    }

    #[test]
    fn what_is_not_named_stays_and_null_goes_back_to_the_settings() {
        let (_place, device) = device();
        let half = Region::rectangle([0.0, 0.0, 0.5, 1.0]).unwrap();
        assert_eq!(change("{}").keep(&device, "gate").unwrap(), Choice::default());
        let off = change(r#"{"on": false}"#).keep(&device, "gate").unwrap();
        assert_eq!(off, Choice { on: false, region: None });
        let both = change(r#"{"region": [0, 0, 0.5, 1]}"#).keep(&device, "gate").unwrap();
        assert_eq!(both, Choice { on: false, region: Some(half.clone()) });
        assert_eq!(change(r#"{"on": true}"#).keep(&device, "gate").unwrap().region, Some(half));
        assert_eq!(change(r#"{"region": null}"#).keep(&device, "gate").unwrap(), Choice::default());
        for text in [r#"{"region": [0, 0, 2, 1]}"#, r#"{"source": "command:x"}"#, r#"{"on": 1}"#, "[]"] {
            assert!(serde_json::from_str::<ChoiceChange>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_polygon_comes_back_as_it_was_and_what_is_damaged_is_passed_over() {
        let (_place, device) = device();
        let corners = "[[0.0,0.0],[1.0,0.25],[0.5,1.0]]";
        let kept = change(&format!("{{\"region\": {corners}}}")).keep(&device, "gate").unwrap();
        assert_eq!(serde_json::to_string(&kept.region).unwrap(), corners);
        device.store().unwrap().set_setting(&key("gate", "region"), "[1, 2").unwrap();
        assert_eq!(Choice::of(&device.store().unwrap(), "gate").unwrap(), Choice::default());
    }

    #[test]
    fn until_it_is_known_what_was_chosen_cameras_are_closed() {
        let (place, device) = device();
        let of = || Choices::of(device.clone(), ["gate".to_owned()]);
        assert!(of().first()["gate"].on, "there is no store, so nobody chose");
        change(r#"{"region": [0, 0, 0.5, 1]}"#).keep(&device, "gate").unwrap();
        let database = place.path().join("samples.db");
        std::fs::rename(&database, place.path().join("aside")).unwrap();
        std::fs::write(&database, [b'x'; 4096]).unwrap();
        let mut choices = of();
        assert_eq!(choices.first()["gate"], Choice { on: false, region: None });
        std::fs::rename(place.path().join("aside"), &database).unwrap();
        choices.due = Instant::now();
        let half = Region::rectangle([0.0, 0.0, 0.5, 1.0]).unwrap();
        assert_eq!(choices.look(), [("gate".to_owned(), Choice { on: true, region: Some(half) })]);
    }

    #[test]
    fn a_look_sees_what_another_program_wrote_and_nothing_where_nothing_was() {
        let (place, device) = device();
        let mut choices = Choices::of(device.clone(), ["gate".to_owned()]);
        let look = |choices: &mut Choices| {
            choices.due = Instant::now();
            choices.look()
        };
        assert_eq!(look(&mut choices), [], "there is no store");
        assert!(!place.path().join("samples.db").exists(), "and none is made");
        change(r#"{"on": false}"#).keep(&device, "gate").unwrap();
        assert_eq!(look(&mut choices), [("gate".to_owned(), Choice { on: false, region: None })]);
        assert_eq!(look(&mut choices), []);
        change(r#"{"on": true}"#).keep(&device, "gate").unwrap();
        assert_eq!(look(&mut choices), [("gate".to_owned(), Choice::default())]);
        change(r#"{"region": [0, 0, 0.5, 1], "on": false}"#).keep(&device, "gate").unwrap();
        let mut flagged = Choices::of(device.clone(), ["gate".to_owned()]).without_regions();
        assert_eq!(look(&mut flagged)[0].1, Choice { on: false, region: None });
    }
}
