//! One checked ONNX model.

use std::collections::HashMap;
use std::path::Path;

use prost::Message;
use tract_onnx::pb;

use super::{Foreign, GraphError, check, external};
use crate::digest::Digest;

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
        Self::checked(decode(bytes)?)
    }

    /// Reads the file at `path` and the data that it keeps in files beside itself; gives its own digest too.
    ///
    /// # Errors
    /// When the file or one beside it cannot be read, or must not be trusted.
    pub fn read(path: &Path) -> Result<(Self, Digest), GraphError> {
        let bytes = read_file(path)?;
        let mut model = decode(&bytes)?;
        let digest = Digest::of(&bytes);
        drop(bytes);
        external::inline(&mut model, path.parent().unwrap_or(Path::new(".")))?;
        Ok((Self::checked(model)?, digest))
    }

    /// How many bytes of the disk the file at `path` takes, with the files beside it in which it says it keeps tensors.
    ///
    /// # Errors
    /// When it cannot be read or is no ONNX model.
    pub fn stored_bytes(path: &Path) -> Result<u64, GraphError> {
        let model = decode(&read_file(path)?)?;
        let own = path.metadata().map_or(0, |file| external::stored_length(&file));
        Ok(own + external::stored_bytes(&model, path.parent().unwrap_or(Path::new("."))))
    }

    fn checked(model: pb::ModelProto) -> Result<Self, GraphError> {
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

fn read_file(path: &Path) -> Result<Vec<u8>, GraphError> {
    let read_error = |source| GraphError::Read { path: path.to_owned(), source };
    let metadata = path.metadata().map_err(read_error)?;
    if metadata.len() > MAX_BYTES {
        return Err(GraphError::TooLarge(metadata.len()));
    }
    if !metadata.is_file() {
        return Err(read_error(std::io::ErrorKind::InvalidInput.into()));
    }
    crate::files::read(path, MAX_BYTES).map_err(read_error)
}

fn decode(bytes: &[u8]) -> Result<pb::ModelProto, GraphError> {
    if let Some(foreign) = Foreign::of(bytes) {
        return Err(GraphError::Foreign(foreign));
    }
    pb::ModelProto::decode(bytes).map_err(|error| GraphError::Protobuf(error.into()))
}
