//! Tensors whose values the file holds.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use super::index::Index;

/// Whether `tensor` depends on no input, so that it is the same for every image.
pub(super) fn is_constant(index: &Index<'_>, tensor: &str) -> bool {
    let mut open = vec![tensor];
    let mut budget = 64;
    while let Some(tensor) = open.pop() {
        budget -= 1;
        if budget == 0 || index.input(tensor).is_some() {
            return false;
        }
        if let Some(node) = index.producer(tensor) {
            open.extend(super::index::taken_by(node));
        }
    }
    true
}

/// The data of an initialiser or of a `Constant` node, followed through `Identity`.
pub(super) fn tensor<'a>(index: &Index<'a>, name: &str) -> Option<&'a pb::TensorProto> {
    if let Some(tensor) = index.initialiser(name) {
        return Some(tensor);
    }
    let node = index.producer(name)?;
    match node.op_type.as_str() {
        "Constant" => attribute(node, "value")?.t.as_ref(),
        "Identity" => index.initialiser(node.input.first()?),
        _ => None,
    }
}

/// The integers of a constant: an initialiser, a `Constant` node's tensor or its `value_int(s)`.
pub(super) fn integers(index: &Index<'_>, name: &str) -> Option<Vec<i64>> {
    if let Some(tensor) = tensor(index, name) {
        return tensor_integers(tensor);
    }
    let node = index.producer(name).filter(|node| node.op_type == "Constant")?;
    let single = attribute(node, "value_int").map(|attribute| vec![attribute.i]);
    single.or_else(|| attribute(node, "value_ints").map(|attribute| attribute.ints.clone()))
}

fn tensor_integers(tensor: &pb::TensorProto) -> Option<Vec<i64>> {
    let raw = &tensor.raw_data;
    match DataType::try_from(tensor.data_type).ok()? {
        DataType::Int64 if raw.is_empty() => Some(tensor.int64_data.clone()),
        DataType::Int64 => Some(raw.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect()),
        DataType::Int32 if raw.is_empty() => Some(tensor.int32_data.iter().copied().map(i64::from).collect()),
        DataType::Int32 => Some(raw.as_chunks().0.iter().map(|&bytes| i32::from_le_bytes(bytes).into()).collect()),
        _ => None,
    }
}

pub(super) fn attribute<'a>(node: &'a pb::NodeProto, name: &str) -> Option<&'a pb::AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

pub(super) fn int_attribute(node: &pb::NodeProto, name: &str) -> Option<i64> {
    attribute(node, name).map(|attribute| attribute.i)
}

pub(super) fn ints_attribute<'a>(node: &'a pb::NodeProto, name: &str) -> Option<&'a [i64]> {
    attribute(node, name).map(|attribute| attribute.ints.as_slice())
}
