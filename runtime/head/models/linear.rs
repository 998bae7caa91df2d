//! An affine map from features to logits.

use ndarray::{Array1, Array2, ArrayView2};

/// One linear layer on raw, unstandardised features.
#[derive(Clone, PartialEq, Debug)]
pub struct Linear {
    /// `[K,C]`
    pub weights: Array2<f32>,
    /// `[K]`
    pub bias: Array1<f32>,
}

impl Linear {
    /// `features · weightsᵀ + bias`.
    ///
    /// # Shapes
    /// `features` `[N,C]`; the result `[N,K]`.
    pub fn logits(&self, features: ArrayView2<f32>) -> Array2<f32> {
        features.dot(&self.weights.t()) + &self.bias
    }

    /// K.
    pub fn classes(&self) -> usize {
        self.weights.nrows()
    }

    /// C.
    pub fn dim(&self) -> usize {
        self.weights.ncols()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::FeatureMap;
    use ndarray::{Array4, Axis, array};
    use proptest::prelude::*;

    #[test]
    fn logits_are_the_products_with_each_row_plus_its_bias() {
        let layer = Linear { weights: array![[1., 2.], [3., 4.], [5., 6.]], bias: array![0.5, -1., 0.] };
        assert_eq!(layer.logits(array![[1., -1.], [2., 0.]].view()), array![[-0.5, -2., -1.], [2.5, 5., 10.]]);
    }

    proptest! {
        #[test]
        fn the_mean_of_a_class_activation_map_plus_the_bias_is_the_logit(
            values in proptest::collection::vec(-2f32..2.0, 2 * 3 * 5 * 4),
            weights in proptest::collection::vec(-2f32..2.0, 4 * 3),
            bias in proptest::collection::vec(-2f32..2.0, 4),
        ) {
            let map = Array4::from_shape_vec((2, 3, 5, 4), values).unwrap();
            let layer = Linear { weights: Array2::from_shape_vec((4, 3), weights).unwrap(), bias: bias.into() };
            let logits = layer.logits(FeatureMap::new(map.clone()).unwrap().global_average_pool().0.view());
            for (image, class) in ndarray::indices((2, 4)) {
                let weighted = &map.index_axis(Axis(0), image) * &layer.weights.row(class).insert_axis(Axis(1)).insert_axis(Axis(2));
                let mean = weighted.sum_axis(Axis(0)).mean().unwrap();
                prop_assert!((mean + layer.bias[class] - logits[[image, class]]).abs() < 1e-4);
            }
        }
    }
}
