//! Frozen networks: from a normalised batch to feature vectors, on whichever engine this machine has.

pub mod graph;

pub use graph::GraphError;
