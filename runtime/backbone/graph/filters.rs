//! The filters that a network lays over the picture itself.

use ndarray::Array4;

use super::Network;
use super::constant::{Numbers, dequantised, int_attribute, numbers};
use super::index::Index;
use super::input::ImageInput;
use super::name::node_name;

/// The weights of the first convolution.
#[derive(Clone, PartialEq, Debug)]
pub struct FirstFilters {
    /// The node's name.
    pub node: String,
    /// `[filters, 3, height, width]`, channels as the network takes them.
    pub weights: Array4<f32>,
}

impl Network {
    /// # Errors
    /// Why they cannot be shown, in words.
    pub fn first_filters(&self, input: &ImageInput) -> Result<FirstFilters, String> {
        let index = Index::new(self.graph());
        let reached = index.reached_from(&input.name);
        let mut nodes = index.order.iter().map(|&node| &index.graph.node[node]);
        let takes = |name: Option<&String>| name.is_some_and(|name| reached.contains(name.as_str()));
        let first = nodes.find(|node| {
            let weighs = node.op_type.contains("Conv") || node.op_type.contains("MatMul") || node.op_type == "Gemm";
            weighs && takes(node.input.first())
        });
        let node = first.ok_or("no layer of the network has filters")?;
        let name = node_name(node);
        if !node.op_type.contains("Conv") {
            return Err(format!("the first layer with weights, `{name}`, is a `{}` and no convolution", node.op_type));
        }
        let weight = |position: usize| numbers(&index, node.input.get(position)?);
        let read = match node.op_type.as_str() {
            "QLinearConv" => weight(3)
                .zip(weight(4))
                .and_then(|(weights, scale)| dequantised(weights, &scale, weight(5).as_ref(), 0)),
            _ => weight(1),
        };
        let Numbers { dims, values } = read.ok_or_else(|| {
            format!("the weights of the first convolution, `{name}`, are no constants that can be read")
        })?;
        let &[filters, 3, height, width] = dims.as_slice() else {
            return Err(format!(
                "expected the first convolution, `{name}`, to have filters [N,3,h,w] over a picture's three channels, got {dims:?}"
            ));
        };
        if int_attribute(node, "group").is_some_and(|groups| groups != 1) {
            return Err(format!("the first convolution, `{name}`, looks at each colour for itself"));
        }
        let weights = Array4::from_shape_vec((filters, 3, height, width), values);
        Ok(FirstFilters { node: name, weights: weights.map_err(|_| "the weights have another length".to_owned())? })
    }
}
