//! The graph input that takes the image.

use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value;
use tract_onnx::pb::type_proto;

use super::index::Index;
use super::{GraphError, Network};

/// Order of an image tensor's dimensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// `[N,3,H,W]`
    Nchw,
    /// `[N,H,W,3]`, as Keras has it.
    Nhwc,
}

/// An image input as the file declares it; a dimension that is `None` is free.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ImageInput {
    pub name: String,
    pub layout: Layout,
    pub element: DataType,
    pub batch: Option<usize>,
    pub height: Option<usize>,
    pub width: Option<usize>,
}

impl ImageInput {
    /// Width and height where the file fixes them.
    pub fn size(&self) -> Option<(u32, u32)> {
        Some((u32::try_from(self.width?).ok()?, u32::try_from(self.height?).ok()?))
    }
}

impl Network {
    /// The input named `name`, or the only one that can take an image.
    ///
    /// # Errors
    /// When there is none, or more than one to choose from.
    pub fn image_input(&self, name: Option<&str>) -> Result<ImageInput, GraphError> {
        let index = Index::new(self.graph());
        let descriptions = || index.inputs().map(describe).collect::<Vec<_>>();
        if let Some(wanted) = name {
            let input = index.input(wanted).ok_or_else(|| {
                let inputs = index.inputs().map(|input| format!("`{}`", input.name)).collect();
                GraphError::UnknownInput { wanted: wanted.to_owned(), inputs }
            })?;
            return image(input).ok_or_else(|| GraphError::NoImageInput(descriptions()));
        }
        let mut images = index.inputs().filter_map(image);
        match (images.next(), images.next()) {
            (Some(input), None) => Ok(input),
            (None, _) if let Some((input, got)) = index.inputs().find_map(other_channels) => {
                Err(GraphError::Channels { input, got })
            }
            _ => Err(GraphError::NoImageInput(descriptions())),
        }
    }
}

fn image(input: &pb::ValueInfoProto) -> Option<ImageInput> {
    let tensor = tensor_type(input)?;
    let element = DataType::try_from(tensor.elem_type).ok()?;
    if !matches!(element, DataType::Float | DataType::Float16 | DataType::Double | DataType::Uint8) {
        return None;
    }
    let dims = dims(tensor)?;
    let (layout, [batch, height, width]) = match dims[..] {
        [batch, Some(3) | None, height, width] if width != Some(3) || dims[1].is_some() => {
            (Layout::Nchw, [batch, height, width])
        }
        [batch, height, width, Some(3)] => (Layout::Nhwc, [batch, height, width]),
        _ => return None,
    };
    Some(ImageInput { name: input.name.clone(), layout, element, batch, height, width })
}

/// Name and channels of an input that would take images, were there three.
fn other_channels(input: &pb::ValueInfoProto) -> Option<(String, usize)> {
    match dims(tensor_type(input)?)?[..] {
        [_, Some(channels @ (1 | 2 | 4)), _, _] | [_, _, _, Some(channels @ (1 | 2 | 4))] => {
            Some((input.name.clone(), channels))
        }
        _ => None,
    }
}

pub(super) fn tensor_type(info: &pb::ValueInfoProto) -> Option<&type_proto::Tensor> {
    let type_proto::Value::TensorType(tensor) = info.r#type.as_ref()?.value.as_ref()?;
    Some(tensor)
}

/// Positive dimensions; the others are free.
pub(super) fn dims(tensor: &type_proto::Tensor) -> Option<Vec<Option<usize>>> {
    let fixed = |dim: &pb::tensor_shape_proto::Dimension| match dim.value {
        Some(Value::DimValue(size)) if size > 0 => usize::try_from(size).ok(),
        _ => None,
    };
    Some(tensor.shape.as_ref()?.dim.iter().map(fixed).collect())
}

/// For people: `data [1,3,224,224] Float`.
fn describe(input: &pb::ValueInfoProto) -> String {
    let Some(tensor) = tensor_type(input) else {
        return format!("`{}`", input.name);
    };
    let size = |dim: Option<usize>| dim.map_or("?".to_owned(), |size| size.to_string());
    let shape = dims(tensor).map(|dims| dims.into_iter().map(size).collect::<Vec<_>>().join(","));
    let element = DataType::try_from(tensor.elem_type).map_or("UNDEFINED", |element| element.as_str_name());
    format!("`{}` [{}] of {}", input.name, shape.unwrap_or_else(|| "…".to_owned()), element.to_lowercase())
}
