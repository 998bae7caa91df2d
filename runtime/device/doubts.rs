//! Which labels of stored samples are doubted: found out once, and again after something was changed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Device;
use super::error::DeviceError;
use crate::causes::causes;
use crate::head::{Diagnosis, FitOptions, Suspect, diagnose};
use crate::manifest::Manifest;
use crate::panics::caught;
use crate::store::{HeadVersion, Selection, Standing, Store};

/// Of more samples than that, some are looked at.
const MOST: usize = 10_000;
/// What took longer is not done again for so many times as long.
const LONG: Duration = Duration::from_secs(1);
const PAUSE: u32 = 10;

/// What was found wrong with the stored samples for training.
pub struct Examination {
    /// Of the backbone in use.
    pub backbone: Manifest,
    pub samples: usize,
    pub diagnosis: Diagnosis,
}

impl Device {
    /// Looks for what is wrong with the labelled samples for training, or with so many of them. `seed` decides which share a fold.
    ///
    /// # Errors
    /// When there are none, or too few to tell.
    pub fn examine(&self, store: &Store, seed: u64, most: Option<usize>) -> Result<Examination, DeviceError> {
        let backbone = self.backbones().in_use_of(store)?.manifest().clone();
        let fingerprint = backbone.fingerprint();
        let dataset = match most {
            Some(most) => self.last_map(store.some_of_dataset(&fingerprint, most, None)?)?,
            None => self.dataset(store, &fingerprint, &Selection::default())?,
        };
        if dataset.is_empty() {
            return Err(DeviceError::NoSamples);
        }
        let options = self.within_memory(&FitOptions { seed, ..FitOptions::default() });
        Ok(Examination { backbone, samples: dataset.len(), diagnosis: diagnose(&dataset, &options)? })
    }
}

/// The doubted samples, the most doubted first, as last found out.
#[derive(Default)]
pub struct Doubts {
    known: Mutex<Known>,
    /// Held while somebody finds out.
    turn: Mutex<()>,
}

#[derive(Clone, Default)]
struct Known {
    suspects: Arc<[Suspect]>,
    /// What there was then.
    seen: Option<Seen>,
    /// No other look before.
    pause: Option<Instant>,
}

#[derive(Clone, PartialEq, Eq)]
struct Seen {
    samples: Standing,
    live: Option<HeadVersion>,
}

impl Doubts {
    /// Finds out anew where something has changed, unless somebody does so already or it took long a moment ago: then what was
    /// known before. None are doubted while there is no head that names classes, or too few samples to tell.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn of(&self, device: &Device) -> Result<Arc<[Suspect]>, DeviceError> {
        let Some(store) = device.store_if_any()? else { return Ok(Arc::default()) };
        let seen = Seen { samples: store.standing()?, live: device.heads().folder().live()? };
        let Some(_turn) = self.turn(&seen) else { return Ok(self.known().suspects) };
        let start = Instant::now();
        let suspects: Arc<[Suspect]> = suspects(device, &store, seen.live)?.into();
        let took = start.elapsed();
        let pause = (took > LONG).then(|| Instant::now() + took * PAUSE);
        let known = Known { suspects: suspects.clone(), seen: Some(seen), pause };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(suspects)
    }

    /// The right to find out, where there is reason to.
    fn turn(&self, seen: &Seen) -> Option<std::sync::MutexGuard<'_, ()>> {
        let is_known = || {
            let known = self.known();
            known.seen.as_ref() == Some(seen) || known.pause.is_some_and(|end| Instant::now() < end)
        };
        if is_known() {
            return None;
        }
        let turn = match self.known().seen {
            // Nothing is known yet: whoever asks waits.
            None => self.turn.lock().unwrap_or_else(PoisonError::into_inner),
            Some(_) => self.turn.try_lock().ok()?,
        };
        (!is_known()).then_some(turn)
    }

    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn suspects(device: &Device, store: &Store, live: Option<HeadVersion>) -> Result<Vec<Suspect>, DeviceError> {
    let Some(live) = live else { return Ok(Vec::new()) };
    if device.heads().read(Some(live))?.artifact.report().of_classes().is_none() {
        return Ok(Vec::new());
    }
    match caught(|| device.examine(store, 0, Some(MOST))) {
        Ok(Ok(examined)) => Ok(examined.diagnosis.suspects),
        Ok(Err(DeviceError::Fit(_) | DeviceError::NoSamples)) => Ok(Vec::new()),
        Ok(Err(error)) => {
            tracing::warn!("doubted labels cannot be looked for: {}", causes(&error));
            Ok(Vec::new())
        }
        Err(panic) => {
            tracing::error!("doubted labels cannot be looked for: the program failed at it: {panic}");
            Ok(Vec::new())
        }
    }
}
