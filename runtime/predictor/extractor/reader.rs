//! One file, from disk to network input.

use std::path::Path;

use ndarray::{Array4, s};

use super::{Admit, ExtractError, Extractor};
use crate::digest::ContentHash;
use crate::preprocess::{Dimensions, PreprocessError, Preprocessor, read_file};

/// A worker's decoder with its buffers.
pub(super) struct Reader<'a> {
    preprocessor: Preprocessor,
    admit: &'a Admit<'a>,
}

pub(super) enum Read {
    Ready(Origin),
    Declined(ContentHash),
}

#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub hash: ContentHash,
    pub dimensions: Dimensions,
}

impl<'a> Reader<'a> {
    pub fn new(extractor: &Extractor<'_>, admit: &'a Admit<'a>) -> Result<Self, ExtractError> {
        let settings = extractor.loader.manifest().preprocess.clone();
        Ok(Self { preprocessor: Preprocessor::new(settings, extractor.limits)?, admit })
    }

    /// An empty batch of one picture.
    pub fn input(&self) -> Array4<f32> {
        let settings = self.preprocessor.settings();
        Array4::zeros((1, 3, settings.height as usize, settings.width as usize))
    }

    /// Fills `input`, `[1,3,H,W]`, from the file at `path`.
    pub fn read(&mut self, (index, path): (usize, &Path), input: &mut Array4<f32>) -> Result<Read, ExtractError> {
        let bytes = read_file(path, self.preprocessor.limits())?;
        let hash = ContentHash::of(&bytes);
        if !(self.admit)(index, hash) {
            return Ok(Read::Declined(hash));
        }
        let dimensions =
            self.preprocessor.run(&bytes, input.slice_mut(s![0, .., .., ..])).map_err(|error| match error {
                PreprocessError::Decode(source) => PreprocessError::File { path: path.to_owned(), source },
                other => other,
            })?;
        Ok(Read::Ready(Origin { hash, dimensions }))
    }
}
