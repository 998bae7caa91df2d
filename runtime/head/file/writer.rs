//! Writing safetensors with sorted metadata: the same content gives the same bytes, which the library's own writer,
//! with its hashed metadata, does not promise. Reading is the library's.

use std::collections::BTreeMap;

use safetensors::Dtype;
use serde_json::{Value, json};

/// A named tensor on its way into a file.
pub struct Tensor {
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    pub fn f32<'a>(name: &'static str, shape: &[usize], values: impl IntoIterator<Item = &'a f32>) -> Self {
        let bytes = values.into_iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name, dtype: Dtype::F32, shape: shape.to_vec(), bytes }
    }

    pub fn i64<'a>(name: &'static str, shape: &[usize], values: impl IntoIterator<Item = &'a i64>) -> Self {
        let bytes = values.into_iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name, dtype: Dtype::I64, shape: shape.to_vec(), bytes }
    }

    pub fn i32<'a>(name: &'static str, shape: &[usize], values: impl IntoIterator<Item = &'a i32>) -> Self {
        let bytes = values.into_iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name, dtype: Dtype::I32, shape: shape.to_vec(), bytes }
    }

    pub fn i8<'a>(name: &'static str, shape: &[usize], values: impl IntoIterator<Item = &'a i8>) -> Self {
        let bytes = values.into_iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name, dtype: Dtype::I8, shape: shape.to_vec(), bytes }
    }
}

/// The file: 8 bytes of header length (little endian), a JSON header padded to 8 bytes, the tensors one after another.
///
/// Source: the safetensors format description.
pub fn serialize(metadata: &BTreeMap<&str, String>, tensors: &[Tensor]) -> Vec<u8> {
    let mut header = BTreeMap::<&str, Value>::from([("__metadata__", json!(metadata))]);
    let mut offset = 0;
    for tensor in tensors {
        let end = offset + tensor.bytes.len();
        let entry = json!({ "dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [offset, end] });
        header.insert(tensor.name, entry);
        offset = end;
    }
    let mut header = json!(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    tensors.iter().for_each(|tensor| file.extend(&tensor.bytes));
    file
}
