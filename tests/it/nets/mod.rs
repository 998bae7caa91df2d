//! Small networks as other programs write them, made of the fixture `gap.onnx` by putting nodes before, behind and inside it.

use std::path::{Path, PathBuf};

use prost::Message;
use tract_onnx::pb;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;

/// A network under construction: `image` [N,3,8,12] to `map` [N,6,4,6] to `pool`, `flat` and `logits` [N,10].
pub struct Net(pub pb::ModelProto);

impl Net {
    pub fn gap() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone/gap.onnx");
        Self(pb::ModelProto::decode(std::fs::read(path).unwrap().as_slice()).unwrap())
    }

    pub fn graph(&mut self) -> &mut pb::GraphProto {
        self.0.graph.as_mut().unwrap()
    }

    /// Puts `nodes` before the first node, which then takes `last` in the place of `image`.
    pub fn before(mut self, nodes: Vec<pb::NodeProto>, last: &str) -> Self {
        let graph = self.graph();
        for node in &mut graph.node {
            node.input.iter_mut().filter(|input| *input == "image").for_each(|input| last.clone_into(input));
        }
        graph.node.splice(0..0, nodes);
        self
    }

    /// Puts `nodes` behind the last node.
    pub fn behind(mut self, nodes: Vec<pb::NodeProto>) -> Self {
        self.graph().node.extend(nodes);
        self
    }

    /// Leaves out the nodes from the one that makes `tensor` on.
    pub fn without(mut self, tensor: &str) -> Self {
        let graph = self.graph();
        let at = graph.node.iter().position(|node| node.output[0] == tensor).unwrap();
        graph.node.truncate(at);
        self
    }

    pub fn constant(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.graph().initializer.push(tensor(name, dims, DataType::Float, raw));
        self
    }

    pub fn integers(mut self, name: &str, dims: &[i64], values: &[i64]) -> Self {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.graph().initializer.push(tensor(name, dims, DataType::Int64, raw));
        self
    }

    pub fn bytes(mut self, name: &str, dims: &[i64], data_type: DataType, values: &[i8]) -> Self {
        let raw = values.iter().map(|&value| value as u8).collect();
        self.graph().initializer.push(tensor(name, dims, data_type, raw));
        self
    }

    pub fn names(mut self, name: &str, names: &[&str]) -> Self {
        let mut tensor = tensor(name, &[names.len() as i64], DataType::String, Vec::new());
        tensor.string_data = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        self.graph().initializer.push(tensor);
        self
    }

    /// The network's outputs, of no declared shape.
    pub fn outputs(mut self, names: &[&str]) -> Self {
        let output = |name: &&str| pb::ValueInfoProto { name: (*name).to_owned(), ..Default::default() };
        self.graph().output = names.iter().map(output).collect();
        self
    }

    pub fn save(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(format!("{name}.onnx"));
        std::fs::write(&path, self.0.encode_to_vec()).unwrap();
        path
    }
}

fn tensor(name: &str, dims: &[i64], data_type: DataType, raw_data: Vec<u8>) -> pb::TensorProto {
    pb::TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: data_type as i32,
        raw_data,
        ..Default::default()
    }
}

pub fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> pb::NodeProto {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    pb::NodeProto { op_type: op.into(), input: owned(inputs), output: owned(outputs), ..Default::default() }
}

/// `node` with integers as its attribute `name`.
pub fn with_ints(mut node: pb::NodeProto, name: &str, ints: &[i64]) -> pb::NodeProto {
    let (r#type, ints) = (AttributeType::Ints as i32, ints.to_vec());
    node.attribute.push(pb::AttributeProto { name: name.into(), r#type, ints, ..Default::default() });
    node
}

pub fn with_int(mut node: pb::NodeProto, name: &str, i: i64) -> pb::NodeProto {
    node.attribute.push(pb::AttributeProto {
        name: name.into(),
        r#type: AttributeType::Int as i32,
        i,
        ..Default::default()
    });
    node
}

pub fn with_strings(mut node: pb::NodeProto, name: &str, strings: &[&str]) -> pb::NodeProto {
    let strings = strings.iter().map(|text| text.as_bytes().to_vec()).collect();
    let r#type = AttributeType::Strings as i32;
    node.attribute.push(pb::AttributeProto { name: name.into(), r#type, strings, ..Default::default() });
    node
}
