//! What kind of numbers a tensor holds, and quantised ones made floating-point.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use super::Network;
use super::constant::int_attribute;
use super::index::Index;

/// What a tensor holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Element {
    /// Floating-point numbers.
    Float,
    /// Integers that stand for `(q - zero_point) * scale`; both names are tensors of the graph.
    Quantised { scale: String, zero_point: String },
    /// Counts, indices, names: nothing that a feature can be.
    Other,
}

/// Operators that move values or choose among them: their output holds what their first input holds.
const MOVERS: [&str; 21] = [
    "Identity",
    "Dropout",
    "Relu",
    "Clip",
    "MaxPool",
    "GlobalMaxPool",
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Slice",
    "Gather",
    "Split",
    "Pad",
    "Expand",
    "Max",
    "Min",
    "Resize",
    "DepthToSpace",
    "SpaceToDepth",
];

/// By the operators that lead to `tensor`; an operator that is not known here gives floating-point numbers.
pub(super) fn element<'a>(index: &Index<'a>, mut tensor: &'a str) -> Element {
    while let Some(node) = index.producer(tensor) {
        let of_inputs = |scale: usize, zero_point: usize| quantised(node.input.get(scale), node.input.get(zero_point));
        let position = node.output.iter().position(|output| output == tensor);
        return match node.op_type.as_str() {
            "QuantizeLinear" => of_inputs(1, 2),
            "DynamicQuantizeLinear" => match position {
                Some(0) => quantised(node.output.get(1), node.output.get(2)),
                Some(1) => Element::Float,
                _ => Element::Other,
            },
            "QLinearConv" | "QLinearMatMul" | "QLinearAdd" | "QLinearMul" => of_inputs(6, 7),
            "QGemm" => of_inputs(7, 8),
            "QLinearGlobalAveragePool"
            | "QLinearAveragePool"
            | "QLinearSigmoid"
            | "QLinearLeakyRelu"
            | "QLinearSoftmax" => of_inputs(3, 4),
            "QLinearConcat" => of_inputs(0, 1),
            "Cast" => match int_attribute(node, "to").and_then(|to| DataType::try_from(to as i32).ok()) {
                Some(DataType::Float | DataType::Float16 | DataType::Bfloat16 | DataType::Double) => Element::Float,
                _ => Element::Other,
            },
            "TopK" if position == Some(0) => match node.input.first() {
                Some(input) => {
                    tensor = input;
                    continue;
                }
                None => Element::Other,
            },
            "ConvInteger"
            | "MatMulInteger"
            | "Shape"
            | "Size"
            | "ArgMax"
            | "ArgMin"
            | "TopK"
            | "NonZero"
            | "Greater"
            | "GreaterOrEqual"
            | "Less"
            | "LessOrEqual"
            | "Equal"
            | "Not"
            | "And"
            | "Or"
            | "NonMaxSuppression"
            | "ArrayFeatureExtractor"
            | "ZipMap"
            | "LabelEncoder" => Element::Other,
            op if MOVERS.contains(&op) => match node.input.first() {
                Some(input) => {
                    tensor = input;
                    continue;
                }
                None => Element::Other,
            },
            _ => Element::Float,
        };
    }
    Element::Float
}

/// Where no scale is given the numbers are not quantised.
fn quantised(scale: Option<&String>, zero_point: Option<&String>) -> Element {
    match scale.filter(|scale| !scale.is_empty()) {
        Some(scale) => Element::Quantised { scale: scale.clone(), zero_point: zero_point.cloned().unwrap_or_default() },
        None => Element::Float,
    }
}

/// The floating-point tensor that `tensor` was quantised from, or is made again; `tensor` where there is none.
pub(super) fn floating<'a>(index: &Index<'a>, tensor: &'a str) -> &'a str {
    if let Some(node) = index.producer(tensor)
        && matches!(node.op_type.as_str(), "QuantizeLinear" | "DynamicQuantizeLinear")
        && node.output.first().is_some_and(|output| output == tensor)
        && let Some(input) = node.input.first()
    {
        return input;
    }
    let back = |node: &&pb::NodeProto| node.op_type == "DequantizeLinear" && node.input[0] == tensor;
    let again = index.takers(tensor).find(back).and_then(|node| node.output.first());
    again.map_or(tensor, String::as_str)
}

impl Network {
    /// Puts a `DequantizeLinear` behind `tensor` where that holds quantised numbers, and gives the name of what it makes.
    pub fn dequantise(&mut self, tensor: &str) -> Option<String> {
        let Element::Quantised { scale, zero_point } = element(&Index::new(self.graph()), tensor) else { return None };
        let output = format!("{tensor}_dequantised");
        if Index::new(self.graph()).contains(&output) {
            return Some(output);
        }
        let mut input = vec![tensor.to_owned(), scale];
        input.extend(Some(zero_point).filter(|name| !name.is_empty()));
        let op_type = "DequantizeLinear".to_owned();
        let node = pb::NodeProto { input, output: vec![output.clone()], op_type, ..Default::default() };
        self.graph_mut().node.push(node);
        Some(output)
    }
}
