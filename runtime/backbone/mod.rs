//! Frozen networks: from a normalised batch to feature vectors, on whichever engine this machine has.
//!
//! A [`Package`] is a network with its manifest; a [`Loader`] cuts the network at its feature, decides once which
//! [`Provider`] runs it, and opens sessions; a session is a [`Backbone`]. A backbone never learns that heads exist.

mod activations;
pub mod beside;
mod class_names;
mod classifier;
mod cut_bytes;
mod embedded;
mod engine_cache;
mod export;
mod golden;
mod gpu;
pub mod graph;
mod import;
mod inspect;
mod layers;
pub mod library;
mod library_error;
mod loader;
mod metadata;
mod onnxruntime;
mod package;
mod placement;
mod preset;
mod provider;
mod random;
mod session;
mod tract;

pub use class_names::class_names;
pub use classifier::{Classifier, ClassifierError};
pub use export::export_classifier;
pub use golden::{Golden, GoldenError};
pub use gpu::{CudaOptions, TensorRtOptions};
pub use graph::GraphError;
pub use import::{Import, ImportRequest, shapes_of};
pub use inspect::Inspection;
pub use layers::{LayerSession, Layers};
pub use library_error::LibraryError;
pub use loader::{Fallback, Loader};
pub use metadata::Declared;
pub use package::{Package, PackageError};
pub use preset::{ParsePresetError, PreprocessSpec, Preset, usual_normalisations};
pub use provider::{Options, ParseProviderError, Provider, ProviderChoice, available_threads};
pub use random::{RandomNetwork, Untrained};

use crate::manifest::Manifest;
use crate::tensor::{Activations, InputBatch, ShapeError};

/// A network that is loaded and proven to run.
pub trait Backbone: Send {
    fn manifest(&self) -> &Manifest;

    /// What runs, not what was asked for.
    fn provider(&self) -> Provider;

    /// Features of a batch of any length.
    ///
    /// Shapes: the batch is `[N,3,H,W]` with the manifest's H and W; the features are `[N,dim]`.
    ///
    /// # Errors
    /// When H and W are others, when the engine fails, or when a feature is not finite.
    fn forward(&mut self, batch: &InputBatch) -> Result<Activations, BackboneError>;
}

/// The error of an engine, as that engine worded it.
pub type EngineError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackboneError {
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error("the network cannot be cut at a feature")]
    Graph(#[from] GraphError),
    #[error(transparent)]
    ClassNames(#[from] ClassifierError),
    #[error("no usable ONNX Runtime library")]
    Library(#[from] LibraryError),
    #[error("provider `{provider}` cannot load backbone `{name}`")]
    Load { provider: Provider, name: String, source: EngineError },
    #[error("provider `{provider}` cannot run backbone `{name}`")]
    Run { provider: Provider, name: String, source: EngineError },
    #[error("expected a folder for TensorRT's engines that can be written, got `{path}`")]
    EngineCache { path: std::path::PathBuf, source: std::io::Error },
    #[error("expected an input of {expected_width}x{expected_height} pixels, got {width}x{height}")]
    InputSize { expected_width: usize, expected_height: usize, width: usize, height: usize },
    #[error("expected tensor `{output}` to be {expected}, got shape {got:?}")]
    OutputShape { output: String, expected: &'static str, got: Vec<usize> },
    #[error("expected {expected} features in `{output}`, as the manifest says, got {got}")]
    Dim { output: String, expected: usize, got: usize },
    #[error("expected finite features in `{output}`, got {value}: the network or its preprocessing is at fault")]
    NotFinite { output: String, value: f32 },
    #[error(transparent)]
    Shape(#[from] ShapeError),
}
