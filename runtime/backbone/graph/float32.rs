//! One floating-point type: half, bfloat16 and double become float32.
//!
//! Half-precision files are small, but engines without half-precision kernels refuse them or convert at every node, and
//! their numbers differ from machine to machine; in float32 every engine computes the same.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

/// Rewrites every tensor and every `Cast` of `graph` and of the graphs inside its nodes.
pub(super) fn to_float32(graph: &mut pb::GraphProto) {
    graph.initializer.iter_mut().for_each(tensor);
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        let names_type = attribute.name == "to" || attribute.name == "dtype" || attribute.name == "output_dtype";
        if names_type && i32::try_from(attribute.i).is_ok_and(is_other_float) {
            attribute.i = DataType::Float as i64;
        }
        attribute.t.iter_mut().chain(&mut attribute.tensors).for_each(tensor);
        attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(to_float32);
    }
}

/// Whether `data_type` is a floating-point type that [`to_float32`] replaces.
pub(super) fn is_other_float(data_type: i32) -> bool {
    matches!(DataType::try_from(data_type), Ok(DataType::Float16 | DataType::Bfloat16 | DataType::Double))
}

fn tensor(tensor: &mut pb::TensorProto) {
    if is_other_float(tensor.data_type) {
        let values = floats(tensor).expect("a floating-point tensor");
        tensor.raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensor.int32_data.clear();
        tensor.double_data.clear();
        tensor.data_type = DataType::Float as i32;
    }
}

/// The values of a floating-point tensor as float32; `None` for other types.
pub(super) fn floats(tensor: &pb::TensorProto) -> Option<Vec<f32>> {
    let raw = &tensor.raw_data;
    let halves = |widen: fn(u16) -> f32| match raw.is_empty() {
        true => tensor.int32_data.iter().map(|&bits| widen(bits as u16)).collect(),
        false => raw.as_chunks().0.iter().map(|&bytes| widen(u16::from_le_bytes(bytes))).collect(),
    };
    match DataType::try_from(tensor.data_type).ok()? {
        DataType::Float if raw.is_empty() => Some(tensor.float_data.clone()),
        DataType::Float => Some(raw.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()),
        DataType::Double if raw.is_empty() => Some(tensor.double_data.iter().map(|&value| value as f32).collect()),
        DataType::Double => Some(raw.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes) as f32).collect()),
        DataType::Float16 => Some(halves(half_to_f32)),
        DataType::Bfloat16 => Some(halves(|bits| f32::from_bits(u32::from(bits) << 16))),
        _ => None,
    }
}

/// IEEE 754 binary16: one sign bit, five of exponent, ten of fraction.
fn half_to_f32(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    match exponent {
        0 => sign * fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_numbers_widen_exactly() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half_to_f32(bits), value, "{bits:#06x}");
        }
        assert!(half_to_f32(0x7e00).is_nan());
    }

    #[test]
    fn typed_and_raw_data_of_every_float_type_become_the_same_float32() {
        let of =
            |data_type: DataType| pb::TensorProto { dims: vec![2], data_type: data_type as i32, ..Default::default() };
        let tensors = [
            pb::TensorProto { int32_data: vec![0x3c00, 0xc000], ..of(DataType::Float16) },
            pb::TensorProto { raw_data: vec![0x00, 0x3c, 0x00, 0xc0], ..of(DataType::Float16) },
            pb::TensorProto { raw_data: vec![0x80, 0x3f, 0x00, 0xc0], ..of(DataType::Bfloat16) },
            pb::TensorProto { double_data: vec![1.0, -2.0], ..of(DataType::Double) },
        ];
        for mut one in tensors {
            tensor(&mut one);
            assert_eq!((floats(&one), one.data_type), (Some(vec![1.0, -2.0]), DataType::Float as i32));
            assert!(one.int32_data.is_empty() && one.double_data.is_empty());
        }
    }
}
