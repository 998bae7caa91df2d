//! One file, from disk to network input.

use std::path::Path;

use ndarray::{Array4, s};

use super::{Admit, ExtractError, Extractor, Journal, MUCH_MEMORY};
use crate::digest::ContentHash;
use crate::preprocess::{Dimensions, Extras, PreprocessError, Preprocessor, Quality, read_file};

/// A worker's decoder with its buffers.
pub(super) struct Reader<'a> {
    preprocessor: Preprocessor,
    admit: &'a Admit<'a>,
    journal: &'a dyn Journal,
    thumbnails: bool,
}

pub(super) enum Read {
    Ready(Origin),
    Declined(ContentHash),
}

pub(super) struct Origin {
    pub hash: ContentHash,
    pub dimensions: Dimensions,
    pub quality: Quality,
    pub thumbnail: Vec<u8>,
}

impl<'a> Reader<'a> {
    pub fn new(extractor: &Extractor<'a>, admit: &'a Admit<'a>) -> Result<Self, ExtractError> {
        let settings = extractor.loader.manifest().preprocess.clone();
        let preprocessor = Preprocessor::new(settings, extractor.limits)?;
        Ok(Self { preprocessor, admit, journal: extractor.journal, thumbnails: extractor.thumbnails })
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
        let mut begun = Begun::new(self.journal, path, hash);
        let input = input.slice_mut(s![0, .., .., ..]);
        let mut thumbnail = Vec::new();
        let mut before = |bytes| begun.note(bytes);
        let wanted = self.thumbnails.then_some(&mut thumbnail);
        let mut extras = Extras { before: &mut before, thumbnail: wanted };
        let dimensions = self.preprocessor.run_with(&bytes, input, &mut extras);
        drop(begun);
        let dimensions = dimensions.map_err(|error| match error {
            PreprocessError::Decode(source) => PreprocessError::File { path: path.to_owned(), source },
            other => other,
        })?;
        let quality = self.preprocessor.quality();
        Ok(Read::Ready(Origin { hash, dimensions, quality, thumbnail }))
    }
}

/// The note in the journal of a picture that is being decoded; it ends with this.
pub(in crate::predictor) struct Begun<'a> {
    journal: &'a dyn Journal,
    path: &'a Path,
    hash: ContentHash,
    noted: bool,
}

impl<'a> Begun<'a> {
    pub fn new(journal: &'a dyn Journal, path: &'a Path, hash: ContentHash) -> Self {
        Self { journal, path, hash, noted: false }
    }

    /// Writes it down where decoding takes much memory.
    pub fn note(&mut self, bytes: u64) {
        if bytes >= MUCH_MEMORY {
            self.journal.begin(self.path, &self.hash);
            self.noted = true;
        }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if self.noted {
            self.journal.end(&self.hash);
        }
    }
}
