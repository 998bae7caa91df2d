//! The layers of a network with what they cost.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use super::check::element_count;
use super::constant::{int_attribute, ints_attribute};
use super::index::Index;
use super::name::node_name;
use super::{Network, Shapes};

/// One node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Layer {
    pub name: String,
    pub operator: String,
    /// The first tensor that it makes.
    pub output: String,
    /// For one image; `None` where it cannot be told without running the network.
    pub shape: Option<Vec<usize>>,
    /// Weights that this node is the first to take; integers of shapes do not count.
    pub parameters: u64,
    /// Of convolutions and matrix products, for one image; `None` where a shape is unknown.
    pub multiply_adds: Option<u64>,
    /// Whether the feature needs it.
    pub kept: bool,
}

/// Sums over layers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Totals {
    pub layers: usize,
    pub parameters: u64,
    pub multiply_adds: u64,
}

impl Totals {
    pub fn of<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> Self {
        layers.into_iter().fold(Self::default(), |sum, layer| Self {
            layers: sum.layers + 1,
            parameters: sum.parameters + layer.parameters,
            multiply_adds: sum.multiply_adds + layer.multiply_adds.unwrap_or(0),
        })
    }
}

impl Network {
    /// Every layer in the order of computation; those that `outputs` need are marked as kept.
    pub fn layers(&self, shapes: &Shapes, outputs: &[&str]) -> Vec<Layer> {
        let index = Index::new(self.graph());
        let kept = index.needed_for(outputs).nodes;
        let mut counted = HashSet::new();
        let mut layer = |&position: &usize| {
            let node = &index.graph.node[position];
            let output = node.output.first().cloned().unwrap_or_default();
            Layer {
                name: node_name(node),
                operator: node.op_type.clone(),
                shape: shapes.get(&output).cloned(),
                parameters: parameters(&index, node, &mut counted),
                multiply_adds: multiply_adds(&index, node, shapes),
                kept: kept.contains(&position),
                output,
            }
        };
        index.order.iter().map(&mut layer).collect()
    }

    /// `metadata_props`, and who wrote the file.
    pub fn properties(&self) -> BTreeMap<String, String> {
        let entries = self.model.metadata_props.iter();
        entries.map(|entry| (entry.key.clone(), entry.value.clone())).collect()
    }

    /// The version of the ONNX operator set.
    pub fn operator_set(&self) -> i64 {
        let own = |set: &&pb::OperatorSetIdProto| set.domain.is_empty() || set.domain == "ai.onnx";
        self.model.opset_import.iter().find(own).map_or(0, |set| set.version)
    }

    /// The program that wrote the file, with its version.
    pub fn producer(&self) -> String {
        format!("{} {}", self.model.producer_name, self.model.producer_version).trim().to_owned()
    }
}

fn parameters<'a>(index: &Index<'a>, node: &'a pb::NodeProto, counted: &mut HashSet<&'a str>) -> u64 {
    let weights = node.input.iter().filter(|name| counted.insert(name.as_str()));
    let count = |tensor: &pb::TensorProto| match DataType::try_from(tensor.data_type) {
        Ok(DataType::Int64) | Err(_) => 0,
        Ok(_) => element_count(&tensor.dims).unwrap_or(0),
    };
    weights.filter_map(|name| index.initialiser(name)).map(count).sum()
}

fn multiply_adds(index: &Index<'_>, node: &pb::NodeProto, shapes: &Shapes) -> Option<u64> {
    let product = |shape: &[usize]| shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size as u64));
    let shape = |position: usize| {
        let name = node.input.get(position)?;
        let of_constant = |tensor: &pb::TensorProto| tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
        shapes.get(name).cloned().or_else(|| index.initialiser(name).and_then(of_constant))
    };
    let output = || product(shapes.get(node.output.first()?)?);
    let per_value = match node.op_type.as_str() {
        // The kernel is [out, in / group, …]: each output takes all of it but the first dimension.
        "Conv" | "ConvInteger" => product(shape(1)?.get(1..)?),
        "QLinearConv" => product(shape(3)?.get(1..)?),
        "MatMul" | "MatMulInteger" | "QLinearMatMul" => shape(0)?.last().map(|&size| size as u64),
        "Gemm" => {
            let left = shape(0)?;
            let axis = if int_attribute(node, "transA").unwrap_or(0) == 0 { 1 } else { 0 };
            left.get(axis).map(|&size| size as u64)
        }
        "ConvTranspose" => {
            let kernel = ints_attribute(node, "kernel_shape")?;
            let area: i64 = kernel.iter().product();
            Some(u64::try_from(area).ok()?.checked_mul(*shape(0)?.get(1)? as u64)?)
        }
        _ => return Some(0),
    };
    output()?.checked_mul(per_value?)
}
