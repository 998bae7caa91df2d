//! The last rows of the classifier that a backbone was cut from: what its source already knew.
//!
//! `classifier.safetensors` holds `weight`, `F32 [K,dim]`, and `bias`, `F32 [K]`; `labels.txt` has a line per class.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2};
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};

/// A linear layer over the feature: `logit = weights · feature + bias`.
#[derive(Clone, PartialEq, Debug)]
pub struct Classifier {
    /// `[K,dim]`.
    pub weights: Array2<f32>,
    /// `[K]`.
    pub bias: Array1<f32>,
    /// One a class, or none at all where the source names no classes; they may repeat.
    pub labels: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    #[error("expected classifier rows in safetensors")]
    Syntax(#[from] SafeTensorError),
    #[error("expected `weight` F32 [K,dim] and `bias` F32 [K], got {weight:?} and {bias:?}")]
    Shapes { weight: Vec<usize>, bias: Vec<usize> },
    #[error("expected {expected} class names, one a score of the network, got {got}")]
    Names { expected: usize, got: usize },
    #[error("expected no labels or {expected}, one a class, got {got}")]
    Labels { expected: usize, got: usize },
}

impl Classifier {
    /// # Errors
    /// When `bytes` are no safetensors, or the parts do not fit together.
    pub fn parse(bytes: &[u8], labels: &str) -> Result<Self, ClassifierError> {
        let file = SafeTensors::deserialize(bytes)?;
        let (weight, bias) = (file.tensor("weight")?, file.tensor("bias")?);
        let (shape, length) = match (weight.shape(), bias.shape()) {
            (&[rows, columns], &[length])
                if rows == length && [&weight, &bias].iter().all(|t| t.dtype() == Dtype::F32) =>
            {
                ((rows, columns), length)
            }
            (weight, bias) => return Err(ClassifierError::Shapes { weight: weight.to_vec(), bias: bias.to_vec() }),
        };
        let labels: Vec<String> = labels.lines().map(|line| line.trim().to_owned()).collect();
        if !labels.is_empty() && labels.len() != length {
            return Err(ClassifierError::Labels { expected: length, got: labels.len() });
        }
        let weights = Array2::from_shape_vec(shape, numbers(&weight)).expect("safetensors checks the length");
        Ok(Self { weights, bias: numbers(&bias).into(), labels })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes = |values: &mut dyn Iterator<Item = &f32>| values.flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let (weights, bias) = (bytes(&mut self.weights.iter()), bytes(&mut self.bias.iter()));
        let view = |shape: &[usize], data| TensorView::new(Dtype::F32, shape.to_vec(), data).expect("shape fits data");
        let tensors = BTreeMap::from([
            ("weight", view(self.weights.shape(), &weights)),
            ("bias", view(self.bias.shape(), &bias)),
        ]);
        safetensors::serialize(tensors, None).expect("every shape fits its data")
    }
}

fn numbers(tensor: &TensorView<'_>) -> Vec<f32> {
    tensor.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn rows_and_labels_survive_being_written_and_read() {
        let classifier = Classifier {
            weights: array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
            bias: array![0.5, -0.5],
            labels: vec!["crane".into(), "crane".into()],
        };
        assert_eq!(Classifier::parse(&classifier.to_bytes(), "crane\ncrane\n").unwrap(), classifier);
        let unnamed = Classifier::parse(&classifier.to_bytes(), "").unwrap();
        assert!(unnamed.labels.is_empty());
        let error = Classifier::parse(&classifier.to_bytes(), "crane\n").unwrap_err();
        assert!(matches!(error, ClassifierError::Labels { expected: 2, got: 1 }));
    }
}
