//! Pictures of cameras that wait for a label.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, SystemTime};

use super::Device;
use super::error::DeviceError;
use super::pictures::{Added, NewPicture};
use super::review_order::{Waiting, in_order};
use crate::digest::Fingerprint;
use crate::head::Neighbourhood;
use crate::labels::Label;
use crate::store::{ReviewId, ReviewRow, Store, StoreError};

impl Device {
    /// All that wait, what teaches most first: what is useful by itself and stands for many others, of which no sample and none
    /// before it is like it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn reviews(&self) -> Result<Vec<ReviewRow>, DeviceError> {
        let Some(store) = self.store_if_any()? else { return Ok(Vec::new()) };
        let mut stored: HashMap<Fingerprint, Neighbourhood> = HashMap::new();
        let mut waiting = Vec::new();
        for row in store.reviews()? {
            let (fingerprint, width) = (row.features.fingerprint, row.features.values.len());
            let known = match stored.entry(fingerprint) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unread) => {
                    let channels = self.backbones().last_dim(&fingerprint)?.unwrap_or(width);
                    unread.insert(self.neighbourhood(&store, (&fingerprint, channels))?)
                }
            };
            waiting.push(Waiting::new(row, known));
        }
        Ok(in_order(waiting))
    }

    /// The numbers of all that wait, damaged ones too.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn review_ids(&self) -> Result<Vec<ReviewId>, DeviceError> {
        self.store_if_any()?.map_or(Ok(Vec::new()), |store| Ok(store.review_ids()?))
    }

    /// The file of one that waits; `None` where none of this number does.
    ///
    /// # Errors
    /// When the store cannot be read, or the picture is damaged.
    pub fn review_picture(&self, id: ReviewId) -> Result<Option<Vec<u8>>, DeviceError> {
        let Some(store) = self.store_if_any()? else { return Ok(None) };
        Ok(store.review(id)?.map(|(_, bytes)| bytes))
    }

    /// Lets go of what was kept for a while: pictures that waited for longer than `age`, removed samples that can be brought back no longer,
    /// and files that nothing needs then. Once a day is enough.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn let_go_of_old(&self, age: Duration) -> Result<(), DeviceError> {
        let Some(mut store) = self.store_if_any()? else { return Ok(()) };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        store.expire_reviews(now.as_millis() as u64, age)?;
        store.purge_old()?;
        store.sweep_pictures()?;
        Ok(())
    }

    pub(super) fn store_if_any(&self) -> Result<Option<Store>, DeviceError> {
        match self.existing_store() {
            Err(DeviceError::Store(StoreError::Missing { .. })) => Ok(None),
            store => store.map(Some),
        }
    }

    /// Makes a sample of one that waits. When this returns, it survives a power cut.
    ///
    /// # Errors
    /// When it waits no longer or is damaged, or the state cannot be written; then it waits on.
    pub fn label_review(&self, id: ReviewId, label: &Label) -> Result<Added, DeviceError> {
        let mut store = self.existing_store()?;
        let (row, bytes) = store.review(id)?.ok_or(DeviceError::NoSuchReview(id))?;
        let (features, group, label) = (row.features, Some(row.group), Some(label));
        let added =
            self.add_picture_to(&mut store, &NewPicture { bytes: &bytes, features, label, group, from: &row.camera })?;
        store.finish_review(id)?;
        Ok(added)
    }

    /// Lets go of those that nobody wants to label; says how many there were.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn dismiss(&self, ids: &[ReviewId]) -> Result<usize, DeviceError> {
        Ok(self.existing_store()?.dismiss(ids)?)
    }
}
