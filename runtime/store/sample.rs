//! The rows of the store as callers see them.

use std::fmt;
use std::str::FromStr;

use super::error::StoreError;
use crate::dataset::SampleId;
use crate::digest::{ContentHash, Fingerprint};
use crate::labels::Label;

/// What a sample is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Split {
    #[default]
    Train,
    Validation,
    Test,
}

#[derive(Debug, thiserror::Error)]
#[error("expected `train`, `validation` or `test`, got `{0}`")]
pub struct ParseSplitError(String);

impl Split {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Split {
    type Err = ParseSplitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Train, Self::Validation, Self::Test]
            .into_iter()
            .find(|split| split.as_str() == text)
            .ok_or_else(|| ParseSplitError(text.to_owned()))
    }
}

/// A sample to be stored.
#[derive(Clone, Debug)]
pub struct NewSample {
    pub hash: ContentHash,
    pub label: Option<Label>,
    pub split: Split,
    /// Samples that share it never straddle folds; `None` is a group of its own.
    pub group: Option<String>,
    /// Path or URL.
    pub source: String,
    /// Seconds since 1970-01-01 UTC.
    pub added_at: i64,
    /// Pixels, as displayed.
    pub width: u32,
    pub height: u32,
    /// An encoded image.
    pub thumbnail: Option<Vec<u8>>,
    pub features: Option<FeatureVector>,
}

/// What one backbone makes of one image.
#[derive(Clone, PartialEq, Debug)]
pub struct FeatureVector {
    pub fingerprint: Fingerprint,
    /// Of the decoding of pictures; see `preprocess::REVISION`.
    pub revision: u32,
    /// `[C]`
    pub values: Vec<f32>,
}

impl FeatureVector {
    /// As it is stored.
    ///
    /// # Errors
    /// When a value is not finite.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, StoreError> {
        match self.values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            Some((channel, &value)) => Err(StoreError::NotFinite { channel, value }),
            None => Ok(self.values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        }
    }
}

/// What the store has of an image, before any work is put into it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Known {
    New,
    /// Stored, but not seen by this backbone yet, or decoded by an older revision.
    WithoutFeatures(StoredLabel),
    Complete(StoredLabel),
}

/// A stored sample and what it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredLabel {
    pub id: SampleId,
    pub label: Option<Label>,
    pub split: Split,
}

/// What became of one sample of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inserted {
    pub id: SampleId,
    pub outcome: Outcome,
    /// The label that the store keeps, where another one was offered.
    pub conflict: Option<Label>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The image is new.
    Stored,
    /// The image was there; its features of this backbone are new, or those of an older revision were replaced.
    FeaturesAdded,
    /// Image and features were there.
    Duplicate,
}

/// A stored sample, without its vectors.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SampleRow {
    pub id: SampleId,
    pub hash: ContentHash,
    pub label: Option<Label>,
    pub split: Split,
    pub group: Option<String>,
    pub source: String,
    /// Seconds since 1970-01-01 UTC.
    pub added_at: i64,
    /// Pixels, as displayed.
    pub width: u32,
    pub height: u32,
}

/// Changes that make the store agree with a folder.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Synchronisation {
    pub labels: Vec<(SampleId, Label)>,
    /// Where the files of samples are now.
    pub sources: Vec<(SampleId, String)>,
    pub removed: Vec<SampleId>,
}

/// Which samples are meant; every condition that is given must hold. The default means all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    pub ids: Option<Vec<SampleId>>,
    pub label: LabelFilter,
    pub split: Option<Split>,
    pub group: Option<String>,
    /// The sample's source itself, or a folder above it.
    pub source: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum LabelFilter {
    #[default]
    Any,
    Unlabelled,
    OneOf(Vec<Label>),
}

impl Filter {
    pub fn ids(ids: Vec<SampleId>) -> Self {
        Self { ids: Some(ids), ..Self::default() }
    }

    pub fn label(label: Label) -> Self {
        Self { label: LabelFilter::OneOf(vec![label]), ..Self::default() }
    }
}

/// The features of one backbone in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeatureCount {
    pub fingerprint: Fingerprint,
    /// Length of the vectors, C.
    pub dim: usize,
    pub samples: usize,
}

/// What an edit did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Edited {
    /// How many samples.
    pub changed: usize,
    /// Of the edits, behind it: the number of the latest change that can be taken back, 0 where there is none.
    pub version: i64,
}

/// What a removal did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Removal {
    pub samples: usize,
    /// As in [`Edited`].
    pub version: i64,
    /// Whether the write-ahead log could be emptied too; otherwise a process that was reading the store kept it, and
    /// old bytes stay in `samples.db-wal` until it ends or [`super::Store::erase_log`] succeeds.
    pub log_emptied: bool,
}
