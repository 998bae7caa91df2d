//! The numbers of a classifier's linear layer.

use ndarray::{Array1, Array2};
use tract_onnx::pb;

use super::Network;
use super::constant::{attribute, int_attribute, tensor};
use super::float32::floats;
use super::index::Index;

impl Network {
    /// Weights `[K,dim]` and bias `[K]` of the linear layer that makes `output`; `None` where the file does not hold
    /// them as plain floating-point tensors of that shape.
    pub fn linear_rows(&self, output: &str, dim: usize) -> Option<(Array2<f32>, Array1<f32>)> {
        let index = Index::new(self.graph());
        let node = index.producer(output)?;
        let (weights, bias) = match node.op_type.as_str() {
            "Gemm" => {
                let plain = |name| attribute(node, name).is_none_or(|attribute| attribute.f == 1.0);
                let transposed = int_attribute(node, "transB").unwrap_or(0) != 0;
                let plain = plain("alpha") && plain("beta") && int_attribute(node, "transA").unwrap_or(0) == 0;
                (matrix(&index, node.input.get(1)?, transposed).filter(|_| plain)?, node.input.get(2))
            }
            "MatMul" => (matrix(&index, node.input.get(1)?, false)?, added_bias(&index, output)),
            "Conv" => (matrix(&index, node.input.get(1)?, true)?, node.input.get(2)),
            _ => return None,
        };
        let bias = match bias.filter(|name| !name.is_empty()) {
            Some(name) => Array1::from(floats(tensor(&index, name)?)?),
            None => Array1::zeros(weights.nrows()),
        };
        (weights.ncols() == dim && bias.len() == weights.nrows()).then_some((weights, bias))
    }
}

/// A constant as `[K,dim]`; `rows_first` says that it is stored so, dimensions of one pixel aside.
fn matrix(index: &Index<'_>, name: &str, rows_first: bool) -> Option<Array2<f32>> {
    let tensor = tensor(index, name)?;
    let [first, second] = match tensor.dims.as_slice() {
        &[first, second] | &[first, second, 1, 1] => [usize::try_from(first).ok()?, usize::try_from(second).ok()?],
        _ => return None,
    };
    let matrix = Array2::from_shape_vec((first, second), floats(tensor)?).ok()?;
    Some(if rows_first { matrix } else { matrix.reversed_axes().as_standard_layout().into_owned() })
}

/// The constant that an `Add` puts on `output` and nothing else takes.
fn added_bias<'a>(index: &Index<'a>, output: &str) -> Option<&'a String> {
    let mut takers = index.graph.node.iter().filter(|node| node.input.iter().any(|input| input == output));
    let add = |node: &&pb::NodeProto| node.op_type == "Add" && node.input.len() == 2;
    let node = takers.next().filter(add).filter(|_| takers.next().is_none())?;
    node.input.iter().find(|input| *input != output && tensor(index, input).is_some())
}
