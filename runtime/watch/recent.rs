//! What each camera saw last, so that somebody can say what that is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::event::Event;
use super::grouping::Groups;
use super::still::{file, seen};
use super::witness::{Sight, Witness};
use crate::camera::Content;
use crate::device::{Added, Device, DeviceError, NewPicture};
use crate::labels::Label;
use crate::preprocess::REVISION;
use crate::store::{FeatureVector, HeadVersion};

/// The last look of each camera. Copies are of the same looks, and may be asked from any thread.
#[derive(Clone)]
pub struct Recent {
    device: Device,
    looks: Arc<Mutex<HashMap<String, Looks>>>,
}

#[derive(Default)]
struct Looks {
    newest: Option<Arc<LastLook>>,
    /// That was given to be shown last.
    given: Option<Arc<LastLook>>,
    /// That somebody was shown last.
    shown: Option<Arc<LastLook>>,
}

/// A look to be shown to somebody.
pub struct ToShow {
    recent: Recent,
    camera: String,
    look: Arc<LastLook>,
}

impl ToShow {
    pub fn content(&self) -> &Content {
        &self.look.content
    }

    /// Somebody sees it: [`Recent::label`] is about it from now on.
    pub fn is_shown(&self) {
        self.recent.lock().entry(self.camera.clone()).or_default().shown = Some(self.look.clone());
    }
}

struct LastLook {
    content: Content,
    feature: Vec<f32>,
    head_version: HeadVersion,
    group: String,
}

/// Why what a camera saw last is not taught.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TeachError {
    #[error("expected a camera whose picture got an answer, got `{0}`, of which there is none yet")]
    NothingSeen(String),
    #[error("expected a picture that an image file can hold, got a larger one")]
    TooLarge,
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl Recent {
    pub fn new(device: Device) -> Self {
        Self { device, looks: Arc::default() }
    }

    /// What sees the looks, for [`super::Watch::witnesses`].
    pub fn witness(&self) -> Box<dyn Witness> {
        Box::new(Watcher { recent: self.clone(), groups: Groups::default() })
    }

    /// What `camera` saw last, to be shown, where that was not given yet.
    pub fn to_show(&self, camera: &str) -> Option<ToShow> {
        let mut all = self.lock();
        let looks = all.get_mut(camera)?;
        let look = looks.newest.clone()?;
        let before = looks.given.replace(look.clone());
        let is_new = before.is_none_or(|before| !Arc::ptr_eq(&before, &look));
        is_new.then(|| ToShow { recent: self.clone(), camera: camera.to_owned(), look })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Looks>> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a sample of what somebody was shown last of `camera`, or else of what it saw last. When this returns, it survives a power cut.
    ///
    /// # Errors
    /// When it saw nothing yet, or the state cannot be written.
    pub fn label(&self, camera: &str, label: &Label) -> Result<Added, TeachError> {
        let look = self.lock().get(camera).and_then(|looks| looks.shown.clone().or_else(|| looks.newest.clone()));
        let look = look.ok_or_else(|| TeachError::NothingSeen(camera.to_owned()))?;
        let fingerprint = self.device.heads().read(Some(look.head_version))?.artifact.fingerprint();
        let features = FeatureVector { fingerprint, revision: REVISION, values: look.feature.clone() };
        let bytes = file(&look.content).ok_or(TeachError::TooLarge)?;
        let (group, label) = (Some(look.group.clone()), Some(label));
        Ok(self.device.add_picture(&NewPicture { bytes: &bytes, features, label, group, from: camera })?)
    }
}

struct Watcher {
    recent: Recent,
    groups: Groups,
}

impl Witness for Watcher {
    fn see(&mut self, sight: &Sight<'_>) -> Vec<Event> {
        let look = LastLook {
            content: seen(sight),
            feature: sight.feature.to_vec(),
            head_version: HeadVersion(sight.answer.head_version),
            group: self.groups.of(sight),
        };
        self.recent.lock().entry(sight.camera.to_owned()).or_default().newest = Some(Arc::new(look));
        Vec::new()
    }
}
