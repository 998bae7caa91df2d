//! ONNX graphs: read with distrust, understood, cut at the feature.
//!
//! The protobuf schema is tract's (`tract_onnx::pb`); nothing here runs a network.

mod bounds;
mod builder;
mod check;
mod constant;
mod cut;
mod decision;
mod earlier;
mod element;
mod external;
mod feature;
mod filters;
mod float32;
mod foreign;
mod index;
mod input;
mod linear;
mod name;
mod names;
mod network;
mod pixels;
mod random;
mod receptive;
mod scoring;
mod settled;
mod table;
mod tail;

pub use bounds::MAX_NODES;
pub use builder::{DECISION, IMAGE, SCORES};
pub use cut::{CutNetwork, CutRequest};
pub use decision::{ScoreDecision, ScoreRule};
pub use earlier::EarlierMap;
pub use external::{ExternalError, stored_length};
pub(in crate::backbone) use feature::values_per_image;
pub use feature::{Candidate, FeatureCut};
pub use filters::FirstFilters;
pub use foreign::Foreign;
pub use input::{ImageInput, Layout};
pub use network::{MAX_BYTES, Network, Shapes};
pub use pixels::OwnNormalisation;
pub use receptive::{Layer as PlacedLayer, Reach};
pub use scoring::{HiddenLayer, ScoringHead};
pub use settled::{Convolution, STATISTICS};
pub use table::{Layer, Totals};

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    #[error("expected an ONNX file of at most {MAX_BYTES} bytes, got {0}")]
    TooLarge(u64),
    #[error("expected an ONNX network, got {0}")]
    Foreign(Foreign),
    #[error("expected an ONNX protobuf")]
    Protobuf(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("expected an ONNX model with a graph, got a file without one")]
    NoGraph,
    #[error("expected at most {MAX_NODES} nodes, those of inner graphs and functions included, got {0}")]
    TooManyNodes(u64),
    #[error("expected graphs and functions nested at most {} deep, got more", bounds::MAX_DEPTH)]
    TooDeep,
    #[error("expected a model that names its ONNX operator set, got one that does not")]
    NoOperatorSet,
    #[error("expected tensor `{tensor}` to hold its own {expected} bytes of data, got {got}")]
    TensorData { tensor: String, expected: u64, got: u64 },
    #[error("expected tensor `{tensor}` to have dimensions that a file can hold, got {dims:?}")]
    TensorDims { tensor: String, dims: Vec<i64> },
    #[error("expected tensor `{tensor}` to have an element type of ONNX, got {got}")]
    TensorType { tensor: String, got: i32 },
    #[error("expected tensor `{tensor}` inside the file, got a reference to data outside it")]
    ExternalData { tensor: String },
    #[error("expected the data of tensor `{tensor}` in a file beside the model")]
    External { tensor: String, source: ExternalError },
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("expected every tensor to come from one place, got `{0}` from two")]
    ProducedTwice(String),
    #[error("node `{node}` reads the tensor `{tensor}`, which no node, input or initialiser produces")]
    Dangling { node: String, tensor: String },
    #[error("expected a graph without cycles, got one through node `{0}`")]
    Cycle(String),
    #[error("expected one RGB image input, such as [N,3,H,W] of float32, got {}", list(.0))]
    NoImageInput(Vec<String>),
    #[error("expected an image input of 3 channels (RGB), got {got} in `{input}`")]
    Channels { input: String, got: usize },
    #[error("expected a graph input named `{wanted}`, got {}", list(.inputs))]
    UnknownInput { wanted: String, inputs: Vec<String> },
    #[error("expected a tensor named `{wanted}` in the graph, got none")]
    UnknownTensor { wanted: String },
    #[error("expected tensor `{0}` to depend on the image, got one that does not")]
    NotFromImage(String),
    #[error("expected tensor `{feature}` to depend on the image alone, got one that also needs {}", list(.inputs))]
    MoreInputs { feature: String, inputs: Vec<String> },
    #[error("cannot tell which tensor is the feature; candidates: {}", list(.0))]
    NoFeature(Vec<Candidate>),
    #[error("expected tensor `{tensor}` to have a shape that a feature can have, got {shape:?}")]
    FeatureShape { tensor: String, shape: Vec<usize> },
    #[error("expected tensor `{0}` to hold floating-point numbers, got integers or names")]
    FeatureElement(String),
    #[error("expected a network of floating-point weights to draw others for, got one with `{0}`")]
    NotRedrawn(String),
    #[error("expected constant weights of convolutions or matrices to draw others for, got none")]
    NoWeights,
    #[error("expected to learn the shape of tensor `{0}` from the graph, got none")]
    UnknownShape(String),
}

fn list(items: &[impl std::fmt::Display]) -> String {
    match items {
        [] => "none".to_owned(),
        _ => items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}
