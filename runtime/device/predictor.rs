//! What answers, one picture after another: a head on the backbone that it was fitted on.

use serde::Serialize;

use super::Device;
use super::answering::{AnswerError, Asked};
use super::error::DeviceError;
use super::heads::PublishedHead;
use crate::backbone::Provider;
use crate::digest::Fingerprint;
use crate::predictor::{Answer, Opened, SingleExtractor, open};
use crate::preprocess::{Picture, PoorPicture};
use crate::store::HeadVersion;

/// A head, and a session of its backbone whose golden vectors were checked.
pub struct Predictor {
    backbone: Checked,
    head: PublishedHead,
    facts: Facts,
}

struct Checked {
    extractor: SingleExtractor,
    golden: GoldenCheck,
}

/// What answers at the moment.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Facts {
    pub provider: Provider,
    pub backbone: String,
    #[serde(skip)]
    pub fingerprint: Fingerprint,
    pub head_version: u64,
    /// The first 12 digits of the SHA-256 of the head's file.
    pub head_hash: String,
    pub golden: GoldenCheck,
}

/// Whether the backbone gave the features on this provider that it gave where it was made.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(rename_all = "lowercase", tag = "check")]
pub enum GoldenCheck {
    /// Within the tolerance; the largest difference, relative.
    Passed { difference: f32 },
    /// The package has no golden vectors.
    Absent,
}

/// What takes the place of what a [`Predictor`] answers with.
pub struct Successor {
    head: PublishedHead,
    /// `None` where the backbone stays.
    backbone: Option<Checked>,
}

/// What there is to say of a camera's picture.
pub enum Glance {
    Answer {
        answer: Box<Answer>,
        /// `[C]`, of the picture.
        feature: Vec<f32>,
        /// Whether the head has an operating point, which says what counts.
        decided: bool,
    },
    Poor(PoorPicture),
}

/// Of a camera's picture, so many classes are named.
const GLANCE_TOP: usize = 3;

impl Device {
    /// Opens the live head and its backbone, and checks the backbone's golden vectors on the provider that runs.
    ///
    /// # Errors
    /// When there is no head, it is damaged, its backbone is gone or runs nowhere, or the golden vectors differ.
    pub fn predictor(&self) -> Result<Predictor, DeviceError> {
        self.predictor_of(None)
    }

    /// [`predictor`](Self::predictor) for head `version`, else the live one.
    ///
    /// # Errors
    /// Likewise.
    pub fn predictor_of(&self, version: Option<HeadVersion>) -> Result<Predictor, DeviceError> {
        let head = self.heads().read(version)?;
        Ok(Predictor::new(self.checked_backbone(&head)?, head))
    }

    /// Opens the live head for one that answers on the backbone of `fingerprint`, if any does; the backbone too where that is
    /// another.
    ///
    /// # Errors
    /// As [`Device::predictor`].
    pub fn successor(&self, fingerprint: Option<&Fingerprint>) -> Result<Successor, DeviceError> {
        let head = self.heads().read(None)?;
        let same = fingerprint == Some(&head.artifact.fingerprint());
        let backbone = (!same).then(|| self.checked_backbone(&head)).transpose()?;
        Ok(Successor { head, backbone })
    }

    fn checked_backbone(&self, head: &PublishedHead) -> Result<Checked, DeviceError> {
        let package = self.backbones().of(&head.artifact.fingerprint());
        let package =
            package.map_err(|source| DeviceError::HeadBackbone { version: head.version, source: source.into() })?;
        let engine = &self.settings().engine;
        let Opened { loader, difference } = open(package, engine)?;
        let extractor = SingleExtractor::new(&loader, self.settings().limits, engine.threads)?;
        let golden = difference.map_or(GoldenCheck::Absent, |difference| GoldenCheck::Passed { difference });
        tracing::info!("backbone {} on {}", extractor.manifest().name, extractor.provider());
        Ok(Checked { extractor, golden })
    }
}

impl Predictor {
    fn new(backbone: Checked, head: PublishedHead) -> Self {
        let manifest = backbone.extractor.manifest();
        let facts = Facts {
            provider: backbone.extractor.provider(),
            backbone: manifest.name.to_string(),
            fingerprint: manifest.fingerprint(),
            head_version: head.version.0,
            head_hash: head.digest.short(),
            golden: backbone.golden,
        };
        Self { backbone, head, facts }
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Answers with another head from now on.
    pub fn take(&mut self, successor: Successor) {
        let Successor { head, backbone } = successor;
        match backbone {
            Some(backbone) => *self = Self::new(backbone, head),
            None => {
                self.facts.head_version = head.version.0;
                self.facts.head_hash = head.digest.short();
                self.head = head;
            }
        }
    }

    /// What the head says of the picture that `bytes` encode; of classes or labels, the best `top`. `name` is how the answer
    /// calls the picture.
    ///
    /// # Errors
    /// When the bytes are no picture or one beyond the limits, or the engine fails.
    pub fn answer(&mut self, name: &str, bytes: &[u8], top: usize) -> Result<Answer, AnswerError> {
        self.answer_to(name, bytes, &Asked { version: None, top, why: false })
    }

    /// [`answer`](Self::answer) for a picture that is decoded already, as a camera's is; none where the picture is too poor for one.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn glance(&mut self, name: &str, picture: &Picture) -> Result<Glance, AnswerError> {
        let feature = match self.backbone.extractor.feature_of(picture)? {
            Ok(feature) => feature,
            Err(poor) => return Ok(Glance::Poor(poor)),
        };
        let asked = Asked { version: None, top: GLANCE_TOP, why: false };
        let answer = Box::new(self.said(name, &feature, &asked)?);
        let decided = !self.head.artifact.operating().is_plain();
        Ok(Glance::Answer { answer, feature, decided })
    }

    /// [`answer`](Self::answer) to all that is asked but the version, which was chosen when the predictor was opened.
    ///
    /// # Errors
    /// Likewise.
    pub fn answer_to(&mut self, name: &str, bytes: &[u8], asked: &Asked) -> Result<Answer, AnswerError> {
        let feature = self.backbone.extractor.feature(bytes)?;
        self.said(name, &feature, asked)
    }

    fn said(&self, name: &str, feature: &[f32], asked: &Asked) -> Result<Answer, AnswerError> {
        let (statement, why) = asked.said(feature, &self.head.artifact)?;
        let Facts { head_version, provider, .. } = self.facts;
        let head_hash = self.facts.head_hash.clone();
        Ok(Answer { path: name.to_owned(), statement, why, head_version, head_hash, provider })
    }
}

impl Successor {
    /// Takes over from `predictor`, where there is one.
    pub fn take_over(self, predictor: &mut Option<Predictor>) {
        match (predictor, self) {
            (Some(predictor), successor) => predictor.take(successor),
            (none, Self { head, backbone: Some(backbone) }) => *none = Some(Predictor::new(backbone, head)),
            (None, Self { backbone: None, .. }) => unreachable!("without a predictor no backbone stays"),
        }
    }

    /// The number of its head and the fingerprint of its backbone.
    pub fn head(&self) -> (HeadVersion, Fingerprint) {
        (self.head.version, self.head.artifact.fingerprint())
    }
}
