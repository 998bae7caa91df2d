//! What answers: a backbone on its engine, with a head.

use super::facts::{Facts, GoldenCheck};
use super::refusal::Refusal;
use crate::head::HeadArtifact;
use crate::predictor::{Answer, SingleExtractor, Statement};
use crate::store::HeadVersion;

/// A backbone that passed its golden check.
pub(super) struct Eye {
    pub extractor: SingleExtractor,
    pub golden: GoldenCheck,
}

/// A head with its number.
pub(super) struct NumberedHead {
    pub version: HeadVersion,
    pub artifact: HeadArtifact,
}

/// A head and the backbone that it was fitted on.
pub(super) struct Model {
    eye: Eye,
    head: NumberedHead,
    facts: Facts,
}

/// What takes the place of what answers.
pub(super) enum Swap {
    /// A head on the same backbone.
    Head(Box<NumberedHead>),
    Model(Box<Model>),
}

/// One picture, as it was sent.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub path: &'a str,
    pub picture: &'a [u8],
    /// How many classes to name.
    pub top: usize,
}

impl Model {
    pub fn new(eye: Eye, head: NumberedHead) -> Self {
        let manifest = eye.extractor.manifest();
        let facts = Facts {
            provider: eye.extractor.provider(),
            backbone: manifest.name.to_string(),
            fingerprint: manifest.fingerprint(),
            head_version: head.version.0,
            golden: eye.golden,
        };
        Self { eye, head, facts }
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    pub fn take(&mut self, swap: Swap) {
        match swap {
            Swap::Head(head) => {
                self.facts.head_version = head.version.0;
                self.head = *head;
            }
            Swap::Model(model) => *self = *model,
        }
    }

    pub fn answer(&mut self, question: Question<'_>) -> Result<Answer, Refusal> {
        let feature = self.eye.extractor.feature(question.picture)?;
        let statement = Statement::of_feature(&feature, &self.head.artifact, question.top)?;
        let Facts { head_version, provider, .. } = self.facts;
        Ok(Answer { path: question.path.to_owned(), statement, head_version, provider })
    }
}
