//! Tensors whose values the file holds.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use super::check::element_count;
use super::float32::floats;
use super::index::Index;

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

/// A constant as float32.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Numbers {
    pub dims: Vec<usize>,
    /// In standard layout.
    pub values: Vec<f32>,
}

/// The numbers of a constant: of an initialiser or a `Constant`, or what simple operators make of such, dequantised ones
/// included.
pub(super) fn numbers(index: &Index<'_>, name: &str) -> Option<Numbers> {
    const DEPTH: usize = 4;
    numbers_within(index, name, DEPTH)
}

fn numbers_within(index: &Index<'_>, name: &str, depth: usize) -> Option<Numbers> {
    if let Some(tensor) = tensor(index, name) {
        return of_tensor(tensor);
    }
    let node = index.producer(name).filter(|_| depth > 0)?;
    let input = |position: usize| node.input.get(position).and_then(|name| numbers_within(index, name, depth - 1));
    match node.op_type.as_str() {
        "Constant" => {
            let one = attribute(node, "value_float").map(|attribute| vec![attribute.f]);
            let values = one.or_else(|| attribute(node, "value_floats").map(|attribute| attribute.floats.clone()))?;
            Some(Numbers { dims: if values.len() == 1 { Vec::new() } else { vec![values.len()] }, values })
        }
        "Identity" | "Cast" => input(0),
        "Sqrt" => input(0).map(|constant| constant.map(f32::sqrt)),
        "Reciprocal" => input(0).map(|constant| constant.map(f32::recip)),
        // The guard of a division.
        "Max" => {
            let (constant, least) = (input(0)?, input(1)?);
            let &[least] = least.values.as_slice() else { return None };
            Some(constant.map(|value| value.max(least)))
        }
        "Transpose" => transposed(&input(0)?, ints_attribute(node, "perm")),
        "DequantizeLinear" => {
            let axis = int_attribute(node, "axis").unwrap_or(1);
            dequantised(input(0)?, &input(1)?, input(2).as_ref(), axis)
        }
        _ => None,
    }
}

impl Numbers {
    fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        self.values.iter_mut().for_each(|value| *value = f(*value));
        self
    }
}

fn of_tensor(tensor: &pb::TensorProto) -> Option<Numbers> {
    let values = floats(tensor).or_else(|| small_integers(tensor))?;
    let dims: Vec<usize> = tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<_>>()?;
    (element_count(&tensor.dims) == Some(values.len() as u64)).then_some(Numbers { dims, values })
}

/// Of a matrix.
fn transposed(matrix: &Numbers, perm: Option<&[i64]>) -> Option<Numbers> {
    let &[rows, columns] = matrix.dims.as_slice() else { return None };
    if perm.is_some_and(|perm| perm != [1, 0]) {
        return None;
    }
    let values = (0..columns).flat_map(|column| (0..rows).map(move |row| matrix.values[row * columns + column]));
    Some(Numbers { dims: vec![columns, rows], values: values.collect() })
}

/// `(q - zero_point) * scale`, with one scale for all or one for each place of `axis`.
pub(super) fn dequantised(
    mut quantised: Numbers,
    scale: &Numbers,
    zero_point: Option<&Numbers>,
    axis: i64,
) -> Option<Numbers> {
    let rank = quantised.dims.len();
    let axis = usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok()?;
    let inner: usize = quantised.dims.get(axis + 1..).map_or(1, |dims| dims.iter().product());
    let places = quantised.dims.get(axis).copied().unwrap_or(1);
    let zeros = zero_point.map_or(&[][..], |zeros| &zeros.values);
    let fits = |count: usize| count <= 1 || count == places;
    if scale.values.is_empty() || !fits(scale.values.len()) || !fits(zeros.len()) {
        return None;
    }
    let pick = |values: &[f32], place: usize| values.get(if values.len() > 1 { place } else { 0 }).copied();
    for (at, value) in quantised.values.iter_mut().enumerate() {
        let place = at / inner.max(1) % places.max(1);
        *value = (*value - pick(zeros, place).unwrap_or(0.0)) * pick(&scale.values, place)?;
    }
    Some(quantised)
}

/// The values of a tensor of integers of at most 32 bits.
fn small_integers(tensor: &pb::TensorProto) -> Option<Vec<f32>> {
    let raw = &tensor.raw_data;
    let data_type = DataType::try_from(tensor.data_type).ok()?;
    let known =
        matches!(data_type, DataType::Int8 | DataType::Uint8 | DataType::Int16 | DataType::Uint16 | DataType::Int32);
    if raw.is_empty() {
        return known.then(|| tensor.int32_data.iter().map(|&value| value as f32).collect());
    }
    Some(match data_type {
        DataType::Int8 => raw.iter().map(|&byte| f32::from(byte as i8)).collect(),
        DataType::Uint8 => raw.iter().map(|&byte| f32::from(byte)).collect(),
        DataType::Int16 => raw.as_chunks().0.iter().map(|&bytes| f32::from(i16::from_le_bytes(bytes))).collect(),
        DataType::Uint16 => raw.as_chunks().0.iter().map(|&bytes| f32::from(u16::from_le_bytes(bytes))).collect(),
        DataType::Int32 => raw.as_chunks().0.iter().map(|&bytes| i32::from_le_bytes(bytes) as f32).collect(),
        _ => return None,
    })
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
