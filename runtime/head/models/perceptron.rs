//! The map of a perceptron.

use edgetl_algebra::{Par, product};
use ndarray::{Array2, ArrayView2};

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
        let mut hidden = product(features, self.hidden.weights.t(), Par::Seq) + &self.hidden.bias;
        hidden.mapv_inplace(|value| value.max(0.0));
        self.output.logits(hidden.view())
    }
}
