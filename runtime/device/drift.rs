//! What looks are compared with, of a published head and the samples that the store has.

use std::collections::HashSet;

use super::Device;
use super::changes::Marked;
use super::error::DeviceError;
use super::features::with_last_map;
use crate::dataset::SampleId;
use crate::drift::{Reference, Unwatched};
use crate::store::{HeadVersion, StoreError};

/// So many pictures tell how pictures usually are, however many there are: 20 MB of features at 2560 channels.
const MOST: usize = 2000;

/// A reference, and up to which sample it was made.
pub struct DriftReference {
    pub reference: Result<Reference, Unwatched>,
    pub newest: Option<SampleId>,
}

impl Device {
    /// The reference of head `version` and of the stored samples that it was fitted on. Where its file does not say which these are: up
    /// to `newest`, where that is named, since those that came after the head was published are none of them.
    ///
    /// # Errors
    /// When the head or the store cannot be read.
    pub fn drift_reference(
        &self,
        version: HeadVersion,
        newest: Option<SampleId>,
    ) -> Result<DriftReference, DeviceError> {
        let head = self.heads().read(Some(version))?.artifact;
        let read = self.existing_store().and_then(|store| {
            let fingerprint = head.fingerprint();
            let Some(learned) = head.learned_from() else {
                return Ok(store.some_of_dataset(&fingerprint, MOST, newest)?);
            };
            let stored = store.labelled(&fingerprint)?;
            let marked = stored.iter().map(Marked::of).filter(|marked| learned.label_of(marked.picture).is_some());
            let fitted: HashSet<SampleId> = marked.map(|marked| marked.id).collect();
            Ok(store.some_of_those(&fingerprint, MOST, |id| fitted.contains(&id))?)
        });
        let dataset = match read {
            // A head that came without its pictures.
            Err(DeviceError::Store(StoreError::Missing { .. } | StoreError::OtherBackbones { .. })) => {
                return Ok(DriftReference { reference: Err(Unwatched::TooFew(0)), newest });
            }
            read => read?,
        };
        let newest = dataset.ids().iter().max().copied().or(newest);
        let dataset = with_last_map(dataset, Some(head.channels().last));
        Ok(DriftReference { reference: Reference::new(&dataset, &head), newest })
    }
}
