//! A cut network as ONNX bytes.

use super::graph::CutNetwork;

/// A cut network as ONNX bytes.
pub(super) struct CutBytes {
    pub bytes: Vec<u8>,
    pub input: String,
    pub outputs: Vec<String>,
    pub batch: Option<usize>,
    pub height: usize,
    pub width: usize,
}

impl CutBytes {
    pub fn new(cut: &CutNetwork) -> Self {
        Self {
            bytes: cut.network.to_bytes(),
            input: cut.input.clone(),
            outputs: cut.outputs.clone(),
            batch: cut.batch,
            height: cut.height,
            width: cut.width,
        }
    }
}
