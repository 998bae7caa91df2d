//! Pictures that are known while a head answers: samples, and what waits or was dismissed.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::doubt::{Doubt, usefulness};
use super::witness::Sight;
use crate::dataset::SampleId;
use crate::device::{Device, DeviceError};
use crate::digest::Fingerprint;
use crate::head::Neighbourhood;
use crate::preprocess::REVISION;
use crate::store::{FeatureVector, HeadVersion, Kept, NewReview, ReviewBounds, Store, Worth};
use crate::threads::spawn;

/// While another program writes to the store, cameras wait no longer for it than so.
const PATIENCE: Duration = Duration::from_secs(1);
/// So many samples may have come since the head was opened; of more, the latest count.
const MOST_LATER: usize = 1000;

/// On the backbone of one head.
pub struct Known {
    version: u64,
    fingerprint: Fingerprint,
    store: Store,
    /// Samples, and behind them those that came later, what waits and what was dismissed.
    pictures: Neighbourhood,
    /// How many of them are samples that were there when the head was opened, and the last of these.
    samples: usize,
    last: SampleId,
    /// The store as it was when the others were read.
    data_version: i64,
    /// Since then, what is not more useful than this had no place.
    refused: f64,
}

/// It is being opened.
pub struct Opening {
    version: u64,
    opened: Receiver<Result<Known, DeviceError>>,
}

impl Opening {
    pub fn is_of(&self, version: u64) -> bool {
        self.version == version
    }

    /// What came of it, if it does within `patience`.
    pub fn wait(&self, patience: Duration) -> Option<Result<Known, DeviceError>> {
        self.opened.recv_timeout(patience).ok()
    }
}

impl Known {
    /// Opens what the head `version` answers beside, in a thread of its own: a large store takes seconds, in which no camera waits.
    pub fn opening(device: &Device, version: u64) -> Opening {
        let (sender, opened) = channel();
        let (elsewhere, beside) = (sender.clone(), device.clone());
        // Nobody may wait for it any more.
        let started = spawn("review", move || drop(elsewhere.send(Self::open(&beside, version))));
        if started.is_err() {
            let _ = sender.send(Self::open(device, version));
        }
        Opening { version, opened }
    }

    pub fn is_of(&self, version: u64) -> bool {
        self.version == version
    }

    /// Reads what others wrote meanwhile.
    pub fn catch_up(&mut self) -> Result<(), DeviceError> {
        if self.store.data_version()? == self.data_version { Ok(()) } else { self.read_others() }
    }

    fn open(device: &Device, version: u64) -> Result<Self, DeviceError> {
        let head = device.heads().read(Some(HeadVersion(version)))?.artifact;
        let (fingerprint, channels) = (head.fingerprint(), head.channels().last);
        let store = device.existing_store()?;
        store.set_patience(PATIENCE)?;
        let last = store.last_id()?;
        let pictures = device.neighbourhood(&store, (&fingerprint, channels))?;
        let (samples, refused) = (pictures.len(), f64::NEG_INFINITY);
        let mut known = Self { version, fingerprint, store, pictures, samples, last, data_version: 0, refused };
        known.read_others()?;
        Ok(known)
    }

    fn read_others(&mut self) -> Result<(), DeviceError> {
        let data_version = self.store.data_version()?;
        let later = self.store.features_since(&self.fingerprint, self.last, MOST_LATER)?;
        let waiting = self.store.review_features(&self.fingerprint)?;
        (self.data_version, self.refused) = (data_version, f64::NEG_INFINITY);
        self.pictures.truncate(self.samples);
        later.iter().chain(&waiting).for_each(|feature| self.pictures.add(feature));
        Ok(())
    }

    /// Why a label of what is seen would teach something, and how much; `None` where it would not.
    pub fn worth(&self, sight: &Sight<'_>, disagrees: bool) -> Option<(Worth, f64)> {
        let distance = self.pictures.distance(sight.feature);
        let doubt = Doubt::of(&sight.answer.statement, disagrees, self.pictures.is_far(distance))?;
        let usefulness = usefulness(doubt.uncertainty, self.pictures.novelty(distance));
        (!self.pictures.is_twin(distance) && usefulness > self.refused).then_some((doubt.why, usefulness))
    }

    pub fn features(&self, sight: &Sight<'_>) -> FeatureVector {
        FeatureVector { fingerprint: self.fingerprint, revision: REVISION, values: sight.feature.to_vec() }
    }

    pub fn keep(&mut self, new: &NewReview, bounds: &ReviewBounds) -> Result<Kept, DeviceError> {
        let kept = self.store.keep_for_review(new, bounds)?;
        match kept {
            Kept::Kept(_) => self.read_others()?,
            Kept::Useless => self.refused = new.usefulness,
            Kept::Known | Kept::NoRoom => {}
        }
        Ok(kept)
    }
}
