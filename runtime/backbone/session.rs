//! One engine with its manifest: a [`Backbone`].

use std::sync::Arc;

use ndarray::{ArrayD, ArrayView4, Axis, concatenate};

use super::activations::activations;
use super::placement::Placement;
use super::{Backbone, BackboneError, EngineError, Provider};
use crate::manifest::Manifest;
use crate::tensor::{Activations, InputBatch};

/// What every engine does: run a batch `[n,3,H,W]` and give the cut's outputs, each `[n,…]`.
pub(super) trait Engine: Send {
    fn run(&mut self, input: ArrayView4<'_, f32>) -> Result<Vec<ArrayD<f32>>, EngineError>;

    /// On what the nodes of the first run ran; `None` where nothing was recorded, and from the second call on.
    fn placement(&mut self) -> Result<Option<Placement>, EngineError> {
        Ok(None)
    }
}

/// An engine with its manifest.
pub(super) struct Session {
    pub manifest: Arc<Manifest>,
    pub provider: Provider,
    pub engine: Box<dyn Engine>,
    /// The most images that the engine is given at once.
    pub batch: usize,
    pub threads: usize,
}

impl Session {
    pub fn size(&self) -> (usize, usize) {
        (self.manifest.preprocess.height as usize, self.manifest.preprocess.width as usize)
    }

    fn run(&mut self, images: ArrayView4<'_, f32>) -> Result<Vec<ArrayD<f32>>, BackboneError> {
        self.engine.run(images).map_err(|source| self.run_error(source))
    }

    fn run_error(&self, source: EngineError) -> BackboneError {
        BackboneError::Run { provider: self.provider, name: self.manifest.name.to_string(), source }
    }

    /// Checks that the previous run executed on the requested provider, if its placement was recorded.
    pub fn check_placement(&mut self) -> Result<(), BackboneError> {
        let placement = self.engine.placement().map_err(|source| self.run_error(source))?;
        let Some(placement) = placement else { return Ok(()) };
        tracing::debug!("nodes of `{}`: {placement}", self.manifest.name);
        placement.check(self.provider).map_err(|error| self.run_error(error.into()))
    }
}

impl Backbone for Session {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn provider(&self) -> Provider {
        self.provider
    }

    fn forward(&mut self, batch: &InputBatch) -> Result<Activations, BackboneError> {
        let outputs = self.outputs(batch)?;
        activations(&self.manifest.feature, outputs, batch.len())
    }
}

impl Session {
    /// What the cut gives, `[N,…]` each.
    pub fn outputs(&mut self, batch: &InputBatch) -> Result<Vec<ArrayD<f32>>, BackboneError> {
        let (images, _, height, width) = batch.values().dim();
        let (expected_height, expected_width) = self.size();
        if (height, width) != (expected_height, expected_width) {
            return Err(BackboneError::InputSize { expected_width, expected_height, width, height });
        }
        let chunk = self.batch.min(images);
        let chunks: Vec<_> = batch.values().axis_chunks_iter(Axis(0), chunk).collect();
        let mut outputs = chunks.into_iter().map(|chunk| self.run(chunk)).collect::<Result<Vec<_>, _>>()?;
        match outputs.len() {
            1 => Ok(outputs.remove(0)),
            _ => self.join(&outputs),
        }
    }

    /// Joins the outputs of parts of a batch.
    fn join(&self, parts: &[Vec<ArrayD<f32>>]) -> Result<Vec<ArrayD<f32>>, BackboneError> {
        let join = |output: usize| {
            let views: Vec<_> = parts.iter().map(|outputs| outputs[output].view()).collect();
            concatenate(Axis(0), &views).map_err(|error| BackboneError::Run {
                provider: self.provider,
                name: self.manifest.name.to_string(),
                source: error.into(),
            })
        };
        (0..parts[0].len()).map(join).collect()
    }
}
