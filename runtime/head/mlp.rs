//! BatchNorm, Linear, ReLU, BatchNorm, Dropout, Linear: the deeper head.

mod layers;
mod train;

use ndarray::{Array2, ArrayView2};

pub use train::{MlpSettings, train};

use super::Linear;

/// A fitted perceptron with one hidden layer; its normalisations are folded into its layers.
#[derive(Clone, PartialEq, Debug)]
pub struct Mlp {
    /// `[H,C]`
    pub hidden: Linear,
    /// `[K,H]`
    pub output: Linear,
}

impl Mlp {
    /// # Shapes
    /// `features` `[N,C]`; the result `[N,K]`.
    pub fn logits(&self, features: ArrayView2<f32>) -> Array2<f32> {
        let mut hidden = self.hidden.logits(features);
        hidden.mapv_inplace(|value| value.max(0.0));
        self.output.logits(hidden.view())
    }
}
