//! Nodes and constants put behind a network.

use ndarray::ArrayView2;
use tract_onnx::pb;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

use super::Network;

/// The exported graph's input: RGB pixels from 0 to 255, resized and cropped.
pub const IMAGE: &str = "image";
/// The exported graph's output: probabilities `[N,K]`.
pub const SCORES: &str = "scores";
/// The exported graph's second output: which class is said, `[N]`, -1 for none.
pub const DECISION: &str = "decision";

/// Appends nodes; new names start with `edgetl_`, which no import gives.
pub(super) struct Builder {
    pub network: Network,
    count: usize,
}

impl Builder {
    pub fn new(network: Network) -> Self {
        Self { network, count: 0 }
    }

    fn name(&mut self, what: &str) -> String {
        self.count += 1;
        format!("edgetl_{}_{what}", self.count)
    }

    pub fn constant(&mut self, mut tensor: pb::TensorProto) -> String {
        tensor.name = self.name("constant");
        let name = tensor.name.clone();
        self.network.graph_mut().initializer.push(tensor);
        name
    }

    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<pb::AttributeProto>) -> String {
        let output = self.name(&op.to_lowercase());
        self.node_to(op, inputs, &output, attributes);
        output
    }

    pub fn node_to(&mut self, op: &str, inputs: &[&str], output: &str, attribute: Vec<pb::AttributeProto>) {
        let node = pb::NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: self.name(op),
            op_type: op.to_owned(),
            attribute,
            ..Default::default()
        };
        self.network.graph_mut().node.push(node);
    }
}

pub(super) fn tensor(shape: &[usize], values: &[f32]) -> pb::TensorProto {
    pb::TensorProto {
        dims: shape.iter().map(|&size| size as i64).collect(),
        data_type: DataType::Float as i32,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..Default::default()
    }
}

pub(super) fn matrix(values: ArrayView2<'_, f32>) -> pb::TensorProto {
    tensor(values.shape(), &values.iter().copied().collect::<Vec<_>>())
}

pub(super) fn integers(shape: &[usize], values: &[i64]) -> pb::TensorProto {
    pb::TensorProto {
        dims: shape.iter().map(|&size| size as i64).collect(),
        data_type: DataType::Int64 as i32,
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..Default::default()
    }
}

pub(super) fn int(name: &str, value: i64) -> pb::AttributeProto {
    pb::AttributeProto { name: name.to_owned(), r#type: AttributeType::Int as i32, i: value, ..Default::default() }
}

pub(super) fn ints(name: &str, values: &[i64]) -> pb::AttributeProto {
    let (name, ints) = (name.to_owned(), values.to_vec());
    pb::AttributeProto { name, r#type: AttributeType::Ints as i32, ints, ..Default::default() }
}
