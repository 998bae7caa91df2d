//! Answers for many pictures at once.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::Device;
use super::error::DeviceError;
use super::predictor::AnswerError;
use crate::files;
use crate::predictor::{Answer, Extractor, InOrder, Outcome, Statement};
use crate::store::HeadVersion;

/// Takes the answer for one picture; an error ends the work.
pub type Visit<'a> = dyn FnMut(&Path, Result<Answer, AnswerError>) -> std::io::Result<()> + 'a;

impl Device {
    /// What head `version`, else the live one, says of the picture files at `paths`, in their order; of classes or labels,
    /// the best `top`. A raised `stop` lets the files in hand finish.
    ///
    /// # Errors
    /// When the head or its backbone cannot be used, or what `visit` gave.
    pub fn answer_all(
        &self,
        paths: &[PathBuf],
        (version, top): (Option<HeadVersion>, usize),
        stop: &AtomicBool,
        visit: &mut Visit<'_>,
    ) -> Result<(), DeviceError> {
        let head = self.heads().read(version)?;
        let loader = self.load(self.backbones().of(&head.artifact.fingerprint())?, paths.len())?;
        let (limits, threads) = (self.settings().limits, self.settings().engine.threads);
        let extractor = Extractor { loader: &loader, limits, threads, journal: &(), thumbnails: false };
        let (head_version, head_hash, provider) = (head.version.0, head.digest.short(), loader.provider());
        let mut order = InOrder::default();
        extractor.run(paths, stop, &|_, _| true, &mut |index, outcome| {
            for (index, outcome) in order.push(index, (index, outcome)) {
                let statement = match outcome {
                    Outcome::Extracted(extracted) => {
                        Statement::of_feature(&extracted.feature, &head.artifact, top).map_err(AnswerError::from)
                    }
                    Outcome::Failed(error) => Err(error.into()),
                    Outcome::Declined(_) => unreachable!("every picture is admitted"),
                };
                let path = files::name_of(&paths[index]);
                let head_hash = head_hash.clone();
                let answer = statement.map(|statement| Answer { path, statement, head_version, head_hash, provider });
                visit(&paths[index], answer).map_err(DeviceError::Told)?;
            }
            Ok(())
        })
    }
}
