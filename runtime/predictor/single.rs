//! One picture after another, as a service gets them.

use ndarray::{Array4, s};

use super::ExtractError;
use crate::backbone::{Backbone, BackboneError, Loader, Provider};
use crate::manifest::Manifest;
use crate::preprocess::{Limits, Picture, PoorPicture, Preprocessor};
use crate::tensor::InputBatch;

/// A session with a decoder of its own: from the bytes of an image file to its feature.
pub struct SingleExtractor {
    preprocessor: Preprocessor,
    session: Box<dyn Backbone>,
}

impl SingleExtractor {
    /// Opens a session of `threads` threads, which one picture gets all of.
    pub fn new(loader: &Loader, limits: Limits, threads: usize) -> Result<Self, ExtractError> {
        let preprocessor = Preprocessor::new(loader.manifest().preprocess.clone(), limits)?;
        Ok(Self { preprocessor, session: loader.session(threads)? })
    }

    /// The feature `[C]` of the picture that `bytes` encode.
    ///
    /// # Errors
    /// When the bytes are no picture or one beyond the limits, or when the engine fails. The next picture can follow.
    pub fn feature(&mut self, bytes: &[u8]) -> Result<Vec<f32>, ExtractError> {
        let mut input = self.input();
        self.preprocessor.run(bytes, input.slice_mut(s![0, .., .., ..]))?;
        self.forward(input)
    }

    /// [`feature`](Self::feature), unless the picture is too poor to say anything of.
    ///
    /// # Errors
    /// Likewise.
    pub fn feature_unless_poor(&mut self, bytes: &[u8]) -> Result<Result<Vec<f32>, PoorPicture>, ExtractError> {
        let mut input = self.input();
        self.preprocessor.run(bytes, input.slice_mut(s![0, .., .., ..]))?;
        self.forward_unless_poor(input)
    }

    /// [`feature`](Self::feature) of a picture that is decoded already, unless it is too poor to say anything of.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn feature_of(&mut self, picture: &Picture) -> Result<Result<Vec<f32>, PoorPicture>, ExtractError> {
        let mut input = self.input();
        self.preprocessor.run_picture(picture, input.slice_mut(s![0, .., .., ..]))?;
        self.forward_unless_poor(input)
    }

    fn forward_unless_poor(&mut self, input: Array4<f32>) -> Result<Result<Vec<f32>, PoorPicture>, ExtractError> {
        match self.preprocessor.quality().fault() {
            Some(poor) => Ok(Err(poor)),
            None => self.forward(input).map(Ok),
        }
    }

    fn input(&self) -> Array4<f32> {
        let settings = self.preprocessor.settings();
        Array4::zeros((1, 3, settings.height as usize, settings.width as usize))
    }

    fn forward(&mut self, input: Array4<f32>) -> Result<Vec<f32>, ExtractError> {
        let batch = InputBatch::new(input).map_err(BackboneError::from)?;
        Ok(self.session.forward(&batch)?.features.0.into_raw_vec_and_offset().0)
    }

    pub fn manifest(&self) -> &Manifest {
        self.session.manifest()
    }

    /// What runs, not what was asked for.
    pub fn provider(&self) -> Provider {
        self.session.provider()
    }
}
