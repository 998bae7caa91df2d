//! Samples of pictures that nobody else keeps: their files lie in the state.

use super::error::DeviceError;
use super::{Device, Settings};
use crate::clock::now;
use crate::dataset::SampleId;
use crate::digest::ContentHash;
use crate::labels::Label;
use crate::predictor::{ExtractError, SingleExtractor};
use crate::preprocess::{PreprocessError, REVISION, decode, extension, to_thumbnail};
use crate::store::{FeatureVector, Filter, Known, NewSample, Outcome, Split, Store};

/// A picture that is to be a sample.
#[derive(Clone, Debug)]
pub struct NewPicture<'a> {
    /// An image file, whole.
    pub bytes: &'a [u8],
    /// Of this picture.
    pub features: FeatureVector,
    /// `None`: somebody says later what it is.
    pub label: Option<&'a Label>,
    /// What it shares with others that must not be told apart from it by chance; `None` is a group of its own.
    pub group: Option<String>,
    /// Where it comes from: the name of a camera, with which the name of its file begins.
    pub from: &'a str,
}

/// What became of a picture.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Added {
    pub id: SampleId,
    /// Whether it was stored before.
    pub was_known: bool,
    /// The label that it had before, where that was another one.
    pub relabelled: Option<Label>,
}

impl Device {
    /// Erases what is kept to take changes back, with the pictures in the state that nothing needs then; says how many changes.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub fn purge(&self) -> Result<usize, DeviceError> {
        let mut store = self.existing_store()?;
        let purged = store.purge()?;
        store.sweep_pictures()?;
        Ok(purged)
    }

    /// What gives features of one picture after another, on the backbone in use, which is kept from then on.
    ///
    /// # Errors
    /// When it is gone or damaged or runs nowhere, or the state cannot be written.
    pub fn single_extractor(&self) -> Result<SingleExtractor, DeviceError> {
        let mut store = self.store()?;
        let before = self.backbones().named_in_use(&store)?;
        let (name, loader) = self.load_and_keep(self.backbones().in_use_of(&store)?, 1)?;
        self.backbones().stay_with(&mut store, &name, before.as_deref())?;
        let Settings { limits, engine, .. } = self.settings();
        Ok(SingleExtractor::new(&loader, *limits, engine.threads)?)
    }

    /// Makes a sample for training of a picture, whose file is kept in the state. One that is stored already gets the label, and
    /// `samples undo` takes that back. When this returns, it survives a power cut.
    ///
    /// # Errors
    /// When the bytes are no picture or the state cannot be written; then nothing is stored.
    pub fn add_picture(&self, picture: &NewPicture<'_>) -> Result<Added, DeviceError> {
        self.add_picture_to(&mut self.store()?, picture)
    }

    pub(super) fn add_picture_to(&self, store: &mut Store, new: &NewPicture<'_>) -> Result<Added, DeviceError> {
        let shown = decode(new.bytes, &self.settings().limits, [255; 3])
            .map_err(|error| ExtractError::Preprocess(PreprocessError::Decode(error)))?;
        let hash = ContentHash::of(new.bytes);
        let stored = match store.known(&hash, &new.features.fingerprint, REVISION)? {
            Known::New => None,
            Known::WithoutFeatures(stored) | Known::Complete(stored) => Some(stored),
        };
        let name = format!("{}-{hash}.{}", plain(new.from), extension(new.bytes));
        let sample = NewSample {
            hash,
            // One that is stored gets it as a change, which can be taken back.
            label: new.label.filter(|_| stored.is_none()).cloned(),
            split: Split::Train,
            group: new.group.clone(),
            // The store says where it lies.
            source: String::new(),
            added_at: now(),
            width: shown.width(),
            height: shown.height(),
            thumbnail: Some(to_thumbnail(&shown)),
            features: Some(new.features.clone()),
        };
        // Heads will be fitted on the backbone in use: what cannot be computed is found before anything is stored.
        let in_use = self.backbones().in_use_of(store)?.fingerprint();
        let values = match new.features.fingerprint == in_use {
            true => None,
            false => Some(self.single_extractor()?.feature(new.bytes)?),
        };
        let inserted = store.insert_with_picture(sample, (&name, new.bytes))?;
        let before = stored.and_then(|stored| stored.label);
        if inserted.outcome != Outcome::Stored && new.label.is_some() && before.as_ref() != new.label {
            store.relabel(&Filter::ids(vec![inserted.id]), new.label)?;
        }
        if let Some(values) = values {
            store.add_features(inserted.id, &FeatureVector { fingerprint: in_use, revision: REVISION, values })?;
        }
        let was_known = inserted.outcome != Outcome::Stored;
        let relabelled = before.filter(|before| new.label.is_some_and(|label| label != before));
        Ok(Added { id: inserted.id, was_known, relabelled })
    }
}

/// As a part of a file name.
fn plain(name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    name.chars().take(64).map(plain).collect()
}
