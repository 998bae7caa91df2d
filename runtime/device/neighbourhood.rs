//! Stored samples, with which one picture after another is compared.

use super::Device;
use super::error::DeviceError;
use crate::digest::Fingerprint;
use crate::head::Neighbourhood;
use crate::store::Store;

/// What the features of stored pictures may take, in bytes; of more samples than fit, some are compared with.
const MOST_BYTES: usize = 32 << 20;

impl Device {
    /// The samples for training on the backbone of `fingerprint`, whose last map has so many channels.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn neighbourhood(
        &self,
        store: &Store,
        (fingerprint, channels): (&Fingerprint, usize),
    ) -> Result<Neighbourhood, DeviceError> {
        // There may be features of others alone, as where a head was brought here without its samples.
        if !store.fingerprints()?.iter().any(|count| count.fingerprint == *fingerprint) {
            return Ok(Neighbourhood::empty(channels));
        }
        let most = MOST_BYTES / size_of::<f32>() / channels.max(1);
        let dataset = self.last_map(store.some_of_dataset(fingerprint, most, None)?)?;
        Ok(if dataset.is_empty() { Neighbourhood::empty(channels) } else { Neighbourhood::of(&dataset) })
    }
}
