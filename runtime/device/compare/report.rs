//! What comparing backbones found.

use std::time::Duration;

use serde::Serialize;

use super::Listed;
use crate::backbone::Provider;
use crate::device::collect::NotUsed;
use crate::digest::Fingerprint;
use crate::head::HeadKind;
use crate::manifest::BackboneName;

/// Backbones side by side; the most accurate first, those that could not be compared last.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CompareReport {
    /// Pictures that every row was asked, each held out once.
    pub asked: usize,
    /// Pictures for training whose features all rows have, and their classes.
    pub pictures: usize,
    pub classes: usize,
    pub backbones: Vec<ComparedBackbone>,
    /// The most accurate of those that are quick enough; `None` where none is, or nothing could be held out.
    pub recommended: Option<BackboneName>,
    /// The quickest of those that are quicker than the recommended one and not worse beyond the error of the difference.
    pub quicker: Option<BackboneName>,
    /// Seconds that a picture may take.
    pub within: Option<f64>,
    /// Stored pictures whose files could not be read again.
    pub unread: Vec<NotUsed>,
    pub seconds: f64,
    /// Whether it was stopped before its end; what was extracted until then is kept.
    #[serde(skip)]
    pub interrupted: bool,
}

/// One backbone, and what heads make of its features.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ComparedBackbone {
    pub name: BackboneName,
    #[serde(serialize_with = "as_text")]
    pub fingerprint: Fingerprint,
    #[serde(rename = "use")]
    pub in_use: bool,
    /// What ran it.
    pub provider: Option<Provider>,
    /// Length of its features.
    pub dim: usize,
    /// Pixels of its input.
    pub width: u32,
    pub height: u32,
    /// Of the network's file.
    pub bytes: u64,
    /// Pictures that it was shown now, since their features were not stored.
    pub extracted: usize,
    /// The median of some; `None` where no file of a picture could be read.
    pub seconds_a_picture: Option<f64>,
    /// The head that `fit-head` would choose, its share of right answers for pictures that it had not seen, and an
    /// interval of 95 %.
    pub head: Option<HeadKind>,
    pub accuracy: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Accuracy above the best one's on the same pictures, its standard error, and whether it is beyond twice that.
    pub difference: Option<f64>,
    pub error: Option<f64>,
    pub clear: Option<bool>,
    /// Why there are no numbers.
    pub reason: Option<String>,
}

impl CompareReport {
    pub(super) fn new(backbones: Vec<ComparedBackbone>, unread: Vec<NotUsed>, within: Option<Duration>) -> Self {
        Self {
            asked: 0,
            pictures: 0,
            classes: 0,
            backbones,
            recommended: None,
            quicker: None,
            within: within.map(|within| within.as_secs_f64()),
            unread,
            seconds: 0.0,
            interrupted: false,
        }
    }

    /// Pictures that were put through backbones.
    pub fn extracted(&self) -> usize {
        self.backbones.iter().map(|row| row.extracted).sum()
    }

    /// The row of this name.
    pub fn row(&self, name: &BackboneName) -> Option<&ComparedBackbone> {
        self.backbones.iter().find(|row| row.name == *name)
    }
}

impl ComparedBackbone {
    pub(super) fn new(listed: &Listed, in_use: Option<Fingerprint>) -> Self {
        let manifest = &listed.manifest;
        Self {
            name: listed.name.clone(),
            fingerprint: listed.fingerprint(),
            in_use: in_use == Some(listed.fingerprint()),
            provider: None,
            dim: manifest.feature.width(),
            width: manifest.preprocess.width,
            height: manifest.preprocess.height,
            bytes: listed.bytes,
            extracted: 0,
            seconds_a_picture: None,
            head: None,
            accuracy: None,
            low: None,
            high: None,
            difference: None,
            error: None,
            clear: None,
            reason: None,
        }
    }

    /// Whether a picture takes at most so many seconds.
    pub(super) fn is_within(&self, within: Option<f64>) -> bool {
        within.is_none_or(|within| self.seconds_a_picture.is_some_and(|seconds| seconds <= within))
    }
}

fn as_text<S: serde::Serializer>(fingerprint: &Fingerprint, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(fingerprint)
}
