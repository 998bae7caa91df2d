//! A network shortened to what its feature needs, with one float32 `[N,3,H,W]` input.

use std::collections::HashSet;

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value};
use tract_onnx::pb::{attribute_proto::AttributeType, type_proto};

use super::float32::{is_other_float, to_float32};
use super::index::Index;
use super::input::{ImageInput, Layout};
use super::{GraphError, Network};

/// Where to cut and for which input.
#[derive(Clone, Copy, Debug)]
pub struct CutRequest<'a> {
    pub input: &'a ImageInput,
    /// Names of the tensors to keep as outputs, in this order.
    pub outputs: &'a [&'a str],
    pub height: usize,
    pub width: usize,
}

/// A network that takes `[N,3,H,W]` float32 and gives the tensors that were asked for.
#[derive(Clone, Debug)]
pub struct CutNetwork {
    pub network: Network,
    pub input: String,
    pub outputs: Vec<String>,
    /// The batch that the file fixes; `None` where any will do.
    pub batch: Option<usize>,
    pub height: usize,
    pub width: usize,
}

/// Name of the batch dimension where it is free.
const BATCH: &str = "batch";

impl Network {
    /// Keeps what `outputs` need and nothing else; the input and the values stay as they are.
    ///
    /// # Errors
    /// When an output is not in the graph, does not depend on the image, or depends on another input too.
    pub fn pruned(mut self, input: &ImageInput, outputs: &[&str]) -> Result<Self, GraphError> {
        let kept = Kept::new(&Index::new(self.graph()), input, outputs)?;
        kept.prune(self.graph_mut());
        self.model.training_info.clear();
        // Before version 4 every initialiser had to be an input as well.
        self.model.ir_version = self.model.ir_version.max(4);
        let graph = self.graph_mut();
        graph.input.retain(|candidate| candidate.name == input.name);
        graph.output = outputs.iter().map(|name| value_info(name, None)).collect();
        Ok(self)
    }

    /// Prunes as [`Self::pruned`] does, makes all numbers float32 and adapts the input, so that any engine takes it.
    pub fn cut(self, request: &CutRequest<'_>) -> Result<CutNetwork, GraphError> {
        let mut network = self.pruned(request.input, request.outputs)?;
        to_float32(network.graph_mut());
        let batch = request.input.batch.map(|_| 1);
        let dims = [batch, Some(3), Some(request.height), Some(request.width)];
        let input = graph_input(network.graph_mut(), request.input, &dims);
        let outputs = request.outputs.iter().map(|&name| name.to_owned()).collect();
        Ok(CutNetwork { network, input, outputs, batch, height: request.height, width: request.width })
    }
}

impl CutNetwork {
    /// Leaves the element types of the outputs to the engine: they may be integers.
    pub fn with_untyped_outputs(mut self) -> Self {
        self.network.graph_mut().output.iter_mut().for_each(|output| output.r#type = None);
        self
    }
}

/// What survives a cut.
struct Kept {
    /// Nodes, each after those it needs.
    nodes: Vec<usize>,
    tensors: HashSet<String>,
}

impl Kept {
    fn new(index: &Index<'_>, input: &ImageInput, outputs: &[&str]) -> Result<Self, GraphError> {
        for &output in outputs {
            if !index.contains(output) {
                return Err(GraphError::UnknownTensor { wanted: output.to_owned() });
            }
            if !index.needed_for(&[output]).tensors.contains(input.name.as_str()) {
                return Err(GraphError::NotFromImage(output.to_owned()));
            }
        }
        let needed = index.needed_for(outputs);
        let others = index.inputs().filter(|other| other.name != input.name);
        let others = others.filter(|other| needed.tensors.contains(other.name.as_str()));
        let inputs: Vec<String> = others.map(|input| format!("`{}`", input.name)).collect();
        if !inputs.is_empty() {
            return Err(GraphError::MoreInputs { feature: outputs.join("`, `"), inputs });
        }
        let nodes = index.order.iter().copied().filter(|node| needed.nodes.contains(node)).collect();
        Ok(Self { nodes, tensors: needed.tensors.into_iter().map(str::to_owned).collect() })
    }

    fn prune(&self, graph: &mut pb::GraphProto) {
        let mut nodes: Vec<_> = std::mem::take(&mut graph.node).into_iter().map(Some).collect();
        graph.node = self.nodes.iter().filter_map(|&node| nodes[node].take()).collect();
        graph.initializer.retain(|tensor| self.tensors.contains(&tensor.name));
        graph
            .sparse_initializer
            .retain(|sparse| sparse.values.as_ref().is_some_and(|values| self.tensors.contains(&values.name)));
        // Shapes noted for another input size or with symbols would contradict what an engine infers.
        graph.value_info.clear();
        graph.quantization_annotation.clear();
    }
}

/// Declares the one input, and adapts it where the network wants another layout or element type.
fn graph_input(graph: &mut pb::GraphProto, input: &ImageInput, dims: &[Option<usize>]) -> String {
    let mut name = input.name.clone();
    let mut adapters = Vec::new();
    if input.layout == Layout::Nhwc {
        let before = format!("{name}_nchw");
        let perm = pb::AttributeProto {
            name: "perm".to_owned(),
            r#type: AttributeType::Ints as i32,
            ints: vec![0, 2, 3, 1],
            ..Default::default()
        };
        adapters.push(adapter("Transpose", &before, &name, perm));
        name = before;
    }
    if input.element != DataType::Float && !is_other_float(input.element as i32) {
        let before = format!("{name}_float");
        let to = pb::AttributeProto {
            name: "to".to_owned(),
            r#type: AttributeType::Int as i32,
            i: input.element as i64,
            ..Default::default()
        };
        adapters.push(adapter("Cast", &before, &name, to));
        name = before;
    }
    adapters.reverse();
    graph.node.splice(0..0, adapters);
    graph.input = vec![value_info(&name, Some(dims))];
    name
}

fn adapter(op: &str, input: &str, output: &str, attribute: pb::AttributeProto) -> pb::NodeProto {
    pb::NodeProto {
        input: vec![input.to_owned()],
        output: vec![output.to_owned()],
        name: format!("{input}_to_{output}"),
        op_type: op.to_owned(),
        attribute: vec![attribute],
        ..Default::default()
    }
}

/// A float32 tensor; without `dims` its shape is left to the engine.
pub(super) fn value_info(name: &str, dims: Option<&[Option<usize>]>) -> pb::ValueInfoProto {
    typed_info(name, dims, DataType::Float)
}

/// [`value_info`] of another type of element.
pub(super) fn typed_info(name: &str, dims: Option<&[Option<usize>]>, element: DataType) -> pb::ValueInfoProto {
    let dimension = |dim: &Option<usize>| {
        let value = match dim {
            Some(size) => Value::DimValue(*size as i64),
            None => Value::DimParam(BATCH.to_owned()),
        };
        Dimension { value: Some(value), ..Default::default() }
    };
    let shape = dims.map(|dims| pb::TensorShapeProto { dim: dims.iter().map(dimension).collect() });
    let tensor = type_proto::Tensor { elem_type: element as i32, shape };
    pb::ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(pb::TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() }),
        ..Default::default()
    }
}
