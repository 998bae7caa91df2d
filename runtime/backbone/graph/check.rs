//! What must hold before anything else looks at a model: complete tensors of possible size, one source per tensor.

use std::collections::HashSet;

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};

use super::index::topological_order;
use super::name::node_name;
use super::{GraphError, bounds};

pub(super) fn model(model: &pb::ModelProto) -> Result<(), GraphError> {
    let graph = model.graph.as_ref().filter(|graph| !graph.node.is_empty()).ok_or(GraphError::NoGraph)?;
    if !model.opset_import.iter().any(|opset| opset.domain.is_empty() || opset.domain == "ai.onnx") {
        return Err(GraphError::NoOperatorSet);
    }
    bounds::check(model)?;
    tensors(graph)?;
    sources(graph)?;
    topological_order(graph).map(drop)
}

/// Every tensor of a graph and of the graphs inside its nodes.
fn tensors(graph: &pb::GraphProto) -> Result<(), GraphError> {
    graph.initializer.iter().try_for_each(tensor)?;
    for sparse in &graph.sparse_initializer {
        sparse.values.iter().chain(&sparse.indices).try_for_each(tensor)?;
    }
    for attribute in graph.node.iter().flat_map(|node| &node.attribute) {
        attribute.t.iter().chain(&attribute.tensors).try_for_each(tensor)?;
        attribute.g.iter().chain(&attribute.graphs).try_for_each(tensors)?;
    }
    Ok(())
}

fn tensor(tensor: &pb::TensorProto) -> Result<(), GraphError> {
    let name = || tensor.name.clone();
    if tensor.data_location == Some(DataLocation::External as i32) {
        return Err(GraphError::ExternalData { tensor: name() });
    }
    let impossible = || GraphError::TensorDims { tensor: name(), dims: tensor.dims.clone() };
    let elements = element_count(&tensor.dims).ok_or_else(impossible)?;
    let data_type = DataType::try_from(tensor.data_type)
        .ok()
        .filter(|&data_type| data_type != DataType::Undefined)
        .ok_or_else(|| GraphError::TensorType { tensor: name(), got: tensor.data_type })?;
    let (expected, got) = match tensor.raw_data.is_empty() {
        false => (raw_bytes(data_type, elements), tensor.raw_data.len() as u64),
        true => (elements * typed_values_per_element(data_type), typed_length(tensor, data_type)),
    };
    if expected != got {
        return Err(GraphError::TensorData { tensor: name(), expected, got });
    }
    Ok(())
}

/// The product of dimensions that a file can hold.
pub(super) fn element_count(dims: &[i64]) -> Option<u64> {
    if dims.len() > 16 {
        return None;
    }
    let product = |product: u64, &dim: &i64| product.checked_mul(u64::try_from(dim).ok()?);
    dims.iter().try_fold(1, product).filter(|&elements| elements <= super::MAX_BYTES * 2)
}

pub(super) fn raw_bytes(data_type: DataType, elements: u64) -> u64 {
    use DataType::*;
    match data_type {
        Uint8 | Int8 | Bool | Float8e4m3fn | Float8e4m3fnuz | Float8e5m2 | Float8e5m2fnuz => elements,
        Uint16 | Int16 | Float16 | Bfloat16 => elements * 2,
        Float | Int32 | Uint32 => elements * 4,
        Int64 | Uint64 | Double | Complex64 => elements * 8,
        Complex128 => elements * 16,
        Uint4 | Int4 | Float4e2m1 => elements.div_ceil(2),
        Undefined | String => u64::MAX,
    }
}

fn typed_values_per_element(data_type: DataType) -> u64 {
    match data_type {
        DataType::Complex64 | DataType::Complex128 => 2,
        _ => 1,
    }
}

fn typed_length(tensor: &pb::TensorProto, data_type: DataType) -> u64 {
    use DataType::*;
    let length = match data_type {
        Float | Complex64 => tensor.float_data.len(),
        Double | Complex128 => tensor.double_data.len(),
        Int64 => tensor.int64_data.len(),
        Uint64 | Uint32 => tensor.uint64_data.len(),
        String => tensor.string_data.len(),
        _ => tensor.int32_data.len(),
    };
    length as u64
}

/// Every name is produced at most once and every input is produced by a node, an input of the network or an initialiser.
fn sources(graph: &pb::GraphProto) -> Result<(), GraphError> {
    let mut known: HashSet<&str> = HashSet::new();
    known.extend(graph.input.iter().map(|input| input.name.as_str()));
    known.extend(graph.initializer.iter().map(|tensor| tensor.name.as_str()));
    known.extend(graph.sparse_initializer.iter().filter_map(|sparse| Some(sparse.values.as_ref()?.name.as_str())));
    for output in graph.node.iter().flat_map(|node| &node.output).filter(|output| !output.is_empty()) {
        if !known.insert(output) {
            return Err(GraphError::ProducedTwice(output.clone()));
        }
    }
    let missing = |name: &str| !name.is_empty() && !known.contains(name);
    for node in &graph.node {
        if let Some(tensor) = node.input.iter().find(|name| missing(name)) {
            return Err(GraphError::Dangling { node: node_name(node), tensor: tensor.clone() });
        }
    }
    match graph.output.iter().find(|output| missing(&output.name) || output.name.is_empty()) {
        Some(output) => Err(GraphError::Dangling { node: "graph output".to_owned(), tensor: output.name.clone() }),
        None => Ok(()),
    }
}
