//! Frozen networks: from a normalised batch to feature vectors, on whichever engine this machine has.

mod golden;
pub mod graph;
mod package;
mod preset;

pub use golden::{Golden, GoldenError};
pub use graph::GraphError;
pub use package::{Package, PackageError};
pub use preset::{ParsePresetError, PreprocessSpec, Preset};
