//! Golden vectors: a few pictures with the features that they had where the backbone was made.
//!
//! They travel inside the package, so that every machine can tell whether decoding aside its whole way from pixels to
//! features gives the same numbers. The file is safetensors: `image_0`, `image_1`, … are `U8 [H,W,3]` (RGB), `features`
//! is `F32 [M,dim]`, row i belonging to `image_i`.

use std::collections::BTreeMap;

use ndarray::{Array2, Array3, s};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};

/// Pictures and their features after the whole preprocessing.
#[derive(Clone, PartialEq, Debug)]
pub struct Golden {
    /// Each `[H,W,3]`, RGB.
    pub images: Vec<Array3<u8>>,
    /// `[M,dim]`.
    pub features: Array2<f32>,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GoldenError {
    #[error("expected golden vectors in safetensors")]
    Syntax(#[from] SafeTensorError),
    #[error("expected tensor `{name}` to be {expected}, got {dtype:?} {shape:?}")]
    Tensor { name: String, expected: &'static str, dtype: Dtype, shape: Vec<usize> },
    #[error("expected {features} pictures, one for every row of `features`, got {images}")]
    Count { images: usize, features: usize },
}

impl Golden {
    /// # Errors
    /// When `bytes` are no safetensors or a tensor has another shape than the format says.
    pub fn parse(bytes: &[u8]) -> Result<Self, GoldenError> {
        let file = SafeTensors::deserialize(bytes)?;
        let features = features(file.tensor("features")?)?;
        let count = file.names().iter().filter(|name| name.starts_with("image_")).count();
        if count != features.nrows() {
            return Err(GoldenError::Count { images: count, features: features.nrows() });
        }
        let images = (0..count).map(|i| image(&file, &format!("image_{i}"))).collect::<Result<_, _>>()?;
        Ok(Self { images, features })
    }

    /// The same with the first `channels` of each feature alone.
    pub fn of_first(&self, channels: usize) -> Self {
        let channels = channels.min(self.features.ncols());
        Self { images: self.images.clone(), features: self.features.slice(s![.., ..channels]).to_owned() }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let values: Vec<u8> = self.features.iter().flat_map(|value| value.to_le_bytes()).collect();
        let pixels: Vec<Vec<u8>> = self.images.iter().map(|image| image.iter().copied().collect()).collect();
        let mut tensors = BTreeMap::new();
        let view =
            |dtype, shape: &[usize], data| TensorView::new(dtype, shape.to_vec(), data).expect("shape fits data");
        tensors.insert("features".to_owned(), view(Dtype::F32, self.features.shape(), &values));
        for (i, (image, pixels)) in self.images.iter().zip(&pixels).enumerate() {
            tensors.insert(format!("image_{i}"), view(Dtype::U8, image.shape(), pixels));
        }
        safetensors::serialize(tensors, None).expect("every shape fits its data")
    }
}

fn features(tensor: TensorView<'_>) -> Result<Array2<f32>, GoldenError> {
    match (tensor.dtype(), tensor.shape()) {
        (Dtype::F32, &[rows, columns]) if columns > 0 => {
            let numbers = tensor.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
            Ok(Array2::from_shape_vec((rows, columns), numbers).expect("safetensors checks the length"))
        }
        _ => Err(unexpected("features", "F32 [M,dim]", &tensor)),
    }
}

fn image(file: &SafeTensors<'_>, name: &str) -> Result<Array3<u8>, GoldenError> {
    let tensor = file.tensor(name)?;
    match (tensor.dtype(), tensor.shape()) {
        (Dtype::U8, &[height, width, 3]) if height > 0 && width > 0 => {
            Ok(Array3::from_shape_vec((height, width, 3), tensor.data().to_vec())
                .expect("safetensors checks the length"))
        }
        _ => Err(unexpected(name, "U8 [H,W,3]", &tensor)),
    }
}

fn unexpected(name: &str, expected: &'static str, tensor: &TensorView<'_>) -> GoldenError {
    GoldenError::Tensor { name: name.to_owned(), expected, dtype: tensor.dtype(), shape: tensor.shape().to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> Golden {
        Golden {
            images: vec![
                Array3::from_shape_fn((2, 4, 3), |(y, x, c)| (y * 12 + x * 3 + c) as u8),
                Array3::from_elem((1, 1, 3), 9),
            ],
            features: ndarray::array![[1.0, -2.5], [0.0, 3.0]],
        }
    }

    #[test]
    fn golden_vectors_survive_being_written_and_read() {
        assert_eq!(Golden::parse(&golden().to_bytes()).unwrap(), golden());
    }

    #[test]
    fn a_missing_picture_and_a_truncated_file_are_refused() {
        let mut short = golden();
        short.images.pop();
        assert!(matches!(Golden::parse(&short.to_bytes()), Err(GoldenError::Count { images: 1, features: 2 })));
        let bytes = golden().to_bytes();
        for length in [0, 7, 20, bytes.len() - 1] {
            assert!(matches!(Golden::parse(&bytes[..length]), Err(GoldenError::Syntax(_))), "{length}");
        }
    }
}
