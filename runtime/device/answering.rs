//! Answers for many pictures at once.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::Device;
use super::error::DeviceError;
use crate::files;
use crate::head::{HeadArtifact, HeadError};
use crate::predictor::{Answer, ExtractError, Extractor, InOrder, Outcome, Reason, Statement};
use crate::store::HeadVersion;

/// Takes the answer for one picture; an error ends the work.
pub type Visit<'a> = dyn FnMut(&Path, Result<Answer, AnswerError>) -> std::io::Result<()> + 'a;

/// One picture gets no answer; the next one can.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    #[error(transparent)]
    Picture(#[from] ExtractError),
    #[error("the head does not fit its backbone")]
    Head(#[from] HeadError),
}

/// What is asked of a head.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `None`: the live one.
    pub version: Option<HeadVersion>,
    /// Of classes or labels, how many of the best.
    pub top: usize,
    /// Whether also which rule decided.
    pub why: bool,
}

impl Asked {
    pub(super) fn said(&self, feature: &[f32], head: &HeadArtifact) -> Result<(Statement, Option<Reason>), HeadError> {
        let why = if self.why { Reason::of_feature(feature, head)? } else { None };
        Ok((Statement::of_feature(feature, head, self.top)?, why))
    }
}

impl Device {
    /// What a head says of the picture files at `paths`, in their order. A raised `stop` lets the files in hand finish.
    ///
    /// # Errors
    /// When the head or its backbone cannot be used, or what `visit` gave.
    pub fn answer_all(
        &self,
        paths: &[PathBuf],
        asked: &Asked,
        stop: &AtomicBool,
        visit: &mut Visit<'_>,
    ) -> Result<(), DeviceError> {
        let head = self.heads().read(asked.version)?;
        let loader = self.load(self.backbones().of(&head.artifact.fingerprint())?, paths.len())?;
        let (limits, threads) = (self.settings().limits, self.settings().engine.threads);
        let extractor = Extractor { loader: &loader, limits, threads, journal: &(), thumbnails: false };
        let (head_version, head_hash, provider) = (head.version.0, head.digest.short(), loader.provider());
        let mut order = InOrder::default();
        extractor.run(paths, stop, &|_, _| true, &mut |index, outcome| {
            for (index, outcome) in order.push(index, (index, outcome)) {
                let said = match outcome {
                    Outcome::Extracted(extracted) => {
                        asked.said(&extracted.feature, &head.artifact).map_err(AnswerError::from)
                    }
                    Outcome::Failed(error) => Err(error.into()),
                    Outcome::Declined(_) => unreachable!("every picture is admitted"),
                };
                let path = files::name_of(&paths[index]);
                let head_hash = head_hash.clone();
                let answer =
                    said.map(|(statement, why)| Answer { path, statement, why, head_version, head_hash, provider });
                visit(&paths[index], answer).map_err(DeviceError::Told)?;
            }
            Ok(())
        })
    }
}
