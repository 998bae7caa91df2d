//! The numbers of a classifier's linear layer.

use ndarray::{Array1, Array2};
use tract_onnx::pb;

use super::Network;
use super::constant::{Numbers, attribute, dequantised, int_attribute, numbers};
use super::index::Index;

/// Weights `[K,dim]`, and the bias that the operator adds itself.
type Rows = (Array2<f32>, Option<Vec<f32>>);

impl Network {
    /// Weights `[K,dim]` and bias `[K]` of the linear layer that makes `output`; `None` where the file does not hold
    /// them as constants of that shape.
    pub fn linear_rows(&self, output: &str, dim: usize) -> Option<(Array2<f32>, Array1<f32>)> {
        let index = Index::new(self.graph());
        let node = index.producer(output)?;
        let (weights, own_bias) = match node.op_type.as_str() {
            op if op.starts_with('Q') => quantised(&index, node)?,
            "MatMulInteger" => dynamic(&index, node)?,
            _ => plain(&index, node)?,
        };
        let bias = own_bias.or_else(|| added_bias(&index, output, 4));
        let bias = bias.map_or_else(|| Array1::zeros(weights.nrows()), Array1::from);
        (weights.ncols() == dim && bias.len() == weights.nrows()).then_some((weights, bias))
    }
}

fn plain(index: &Index<'_>, node: &pb::NodeProto) -> Option<Rows> {
    let input = |position: usize| node.input.get(position).filter(|name| !name.is_empty());
    let bias = input(2).map(|name| numbers(index, name).map(|bias| bias.values));
    let weights = numbers(index, input(1)?)?;
    match node.op_type.as_str() {
        "Gemm" => {
            let is_one = |name| attribute(node, name).is_none_or(|attribute| attribute.f == 1.0);
            let is_plain = is_one("alpha") && is_one("beta") && int_attribute(node, "transA").unwrap_or(0) == 0;
            let weights = matrix(weights, int_attribute(node, "transB").unwrap_or(0) != 0)?;
            is_plain.then_some(())?;
            Some((weights, bias.map_or(Some(None), |bias| bias.map(Some))?))
        }
        "MatMul" => Some((matrix(weights, false)?, None)),
        "Conv" => Some((matrix(weights, true)?, bias.map_or(Some(None), |bias| bias.map(Some))?)),
        _ => None,
    }
}

/// A layer whose weights, data and output are all integers with a scale; its bias counts in products of two scales.
fn quantised(index: &Index<'_>, node: &pb::NodeProto) -> Option<Rows> {
    let input = |position: usize| node.input.get(position).and_then(|name| numbers(index, name));
    let (rows_first, axis, bias) = match node.op_type.as_str() {
        "QLinearConv" => (true, 0, 8),
        "QGemm" if attribute(node, "alpha").is_none_or(|alpha| alpha.f == 1.0) => {
            let transposed = int_attribute(node, "transB").unwrap_or(0) != 0;
            (transposed, if transposed { 0 } else { 1 }, 6)
        }
        "QLinearMatMul" => (false, 1, usize::MAX),
        _ => return None,
    };
    let (data_scale, scale) = (input(1)?, input(4)?);
    let weights = matrix(dequantised(input(3)?, &scale, input(5).as_ref(), axis)?, rows_first)?;
    let &[data_scale] = data_scale.values.as_slice() else { return None };
    let bias = input(bias).map(|bias| {
        let scale = |row: usize| scale.values[if scale.values.len() > 1 { row } else { 0 }] * data_scale;
        bias.values.iter().enumerate().map(|(row, value)| value * scale(row)).collect()
    });
    Some((weights, bias))
}

/// A layer of integers whose data was scaled as it came; the weights' own scale is multiplied in behind it.
fn dynamic(index: &Index<'_>, node: &pb::NodeProto) -> Option<Rows> {
    let input = |position: usize| node.input.get(position).and_then(|name| numbers(index, name));
    let cast = index.only_taker(node.output.first()?).filter(|node| node.op_type == "Cast")?;
    let product = index.only_taker(cast.output.first()?).filter(|node| node.op_type == "Mul")?;
    let scales = product.input.iter().find(|name| Some(*name) != cast.output.first())?;
    let scales = index.producer(scales).filter(|node| node.op_type == "Mul")?;
    let scale = scales.input.iter().find_map(|name| numbers(index, name))?;
    Some((matrix(dequantised(input(1)?, &scale, input(3).as_ref(), 1)?, false)?, None))
}

/// As `[K,dim]`; `rows_first` says that it is stored so, dimensions of one pixel aside.
fn matrix(numbers: Numbers, rows_first: bool) -> Option<Array2<f32>> {
    let (&[first, second] | &[first, second, 1, 1]) = numbers.dims.as_slice() else { return None };
    let matrix = Array2::from_shape_vec((first, second), numbers.values).ok()?;
    Some(if rows_first { matrix } else { matrix.reversed_axes().as_standard_layout().into_owned() })
}

/// The constant that is added to `output` behind nothing but changes of how numbers are stored.
fn added_bias(index: &Index<'_>, output: &str, depth: usize) -> Option<Vec<f32>> {
    let node = index.only_taker(output).filter(|_| depth > 0)?;
    let other = || node.input.iter().find(|input| *input != output);
    match node.op_type.as_str() {
        "Add" if node.input.len() == 2 => numbers(index, other()?).map(|bias| bias.values),
        "Mul" if index.producer(output).is_none_or(|node| node.op_type != "Cast") => None,
        "Cast" | "QuantizeLinear" | "DequantizeLinear" | "Mul" | "Identity" => {
            added_bias(index, node.output.first()?, depth - 1)
        }
        _ => None,
    }
}
