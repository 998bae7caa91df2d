//! Stored features, with what the backbone's manifest says of them.

use super::Device;
use super::error::DeviceError;
use crate::dataset::Dataset;
use crate::digest::Fingerprint;
use crate::store::{Selection, Store};

impl Device {
    /// [`Store::dataset`], whose last map is told from earlier ones.
    ///
    /// # Errors
    /// As there, and when the kept backbones cannot be listed.
    pub fn dataset(
        &self,
        store: &Store,
        fingerprint: &Fingerprint,
        selection: &Selection,
    ) -> Result<Dataset, DeviceError> {
        self.last_map(store.dataset(fingerprint, selection)?)
    }

    /// `dataset`, whose last map is told from earlier ones.
    ///
    /// # Errors
    /// When the kept backbones cannot be listed.
    pub fn last_map(&self, dataset: Dataset) -> Result<Dataset, DeviceError> {
        let last = self.backbones().last_dim(&dataset.fingerprint())?;
        Ok(with_last_map(dataset, last))
    }
}

/// `dataset` with the first `last` channels as those of the last map; all of them where that is not known.
pub(super) fn with_last_map(dataset: Dataset, last: Option<usize>) -> Dataset {
    match last.filter(|last| (1..dataset.width()).contains(last)) {
        Some(last) => dataset.with_last_map(last).expect("fewer than there are"),
        None => dataset,
    }
}
