//! One checked ONNX model.

use std::collections::HashMap;

use prost::Message;
use tract_onnx::pb;

use super::{GraphError, check};

/// The protobuf limit: no ONNX file is larger.
pub const MAX_BYTES: u64 = (1 << 31) - 1;

/// Shapes of tensors by name, for one concrete input; a tensor that is missing is of unknown shape.
pub type Shapes = HashMap<String, Vec<usize>>;

/// An ONNX model whose tensors are complete and whose graph is a graph: every tensor has one source, no cycles.
#[derive(Clone, Debug)]
pub struct Network {
    pub(in crate::backbone) model: pb::ModelProto,
}

impl Network {
    /// # Errors
    /// When `bytes` are no ONNX model, or one that a reader must not trust.
    pub fn parse(bytes: &[u8]) -> Result<Self, GraphError> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(GraphError::TooLarge(bytes.len() as u64));
        }
        let model = pb::ModelProto::decode(bytes).map_err(|error| GraphError::Protobuf(error.into()))?;
        check::model(&model)?;
        Ok(Self { model })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.model.encode_to_vec()
    }

    pub(super) fn graph(&self) -> &pb::GraphProto {
        self.model.graph.as_ref().expect("`check::model` refuses a model without one")
    }

    pub(super) fn graph_mut(&mut self) -> &mut pb::GraphProto {
        self.model.graph.as_mut().expect("`check::model` refuses a model without one")
    }
}
