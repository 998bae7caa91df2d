//! The limited-memory BFGS direction.

use std::collections::VecDeque;

use ndarray::{Array2, ArrayView2, Zip};

/// How many steps are remembered.
const MEMORY: usize = 10;

/// The last steps and what they did to the gradient.
///
/// Source: Nocedal, Wright, "Numerical Optimization", 2006, algorithm 7.4.
#[derive(Default)]
pub struct History {
    pairs: VecDeque<Pair>,
}

struct Pair {
    step: Array2<f32>,
    change: Array2<f32>,
    product: f64,
}

impl History {
    /// Remembers a step and the change of the gradient over it; steps without curvature are left out.
    pub fn remember(&mut self, step: Array2<f32>, change: Array2<f32>) {
        let product = dot(step.view(), change.view());
        if product <= 1e-12 * dot(change.view(), change.view()).max(f64::MIN_POSITIVE) {
            return;
        }
        if self.pairs.len() == MEMORY {
            self.pairs.pop_front();
        }
        self.pairs.push_back(Pair { step, change, product });
    }

    /// A direction of descent: minus the approximate inverse Hessian times `gradient`. Where the steps tell nothing,
    /// the inverse of the Hessian is taken for `inverse_curvature`, a diagonal in the shape of the gradient, scaled to fit
    /// the last step.
    pub fn direction(&self, gradient: ArrayView2<f32>, inverse_curvature: ArrayView2<f32>) -> Array2<f32> {
        let mut direction = gradient.mapv(|value| -value);
        let mut weights = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let weight = dot(pair.step.view(), direction.view()) / pair.product;
            direction.scaled_add(-weight as f32, &pair.change);
            weights.push(weight);
        }
        direction *= &inverse_curvature;
        if let Some(pair) = self.pairs.back() {
            let expected = dot(pair.change.view(), (&pair.change * &inverse_curvature).view());
            direction *= (pair.product / expected) as f32;
        }
        for (pair, weight) in self.pairs.iter().zip(weights.into_iter().rev()) {
            let correction = weight - dot(pair.change.view(), direction.view()) / pair.product;
            direction.scaled_add(correction as f32, &pair.step);
        }
        direction
    }
}

/// The sum of the products of all entries of two matrices of one shape.
pub fn dot(left: ArrayView2<f32>, right: ArrayView2<f32>) -> f64 {
    match (left.as_slice(), right.as_slice()) {
        (Some(left), Some(right)) => dot_slices(left, right),
        _ => Zip::from(left).and(right).fold(0.0, |sum, &left, &right| sum + f64::from(left) * f64::from(right)),
    }
}

/// Eight sums side by side, which the compiler turns into vector instructions.
fn dot_slices(left: &[f32], right: &[f32]) -> f64 {
    let mut sums = [0.0f64; 8];
    let (left, right) = (left.chunks_exact(8), right.chunks_exact(8));
    let rest = left.remainder().iter().zip(right.remainder());
    let rest: f64 = rest.map(|(&left, &right)| f64::from(left) * f64::from(right)).sum();
    for (left, right) in left.zip(right) {
        for lane in 0..8 {
            sums[lane] += f64::from(left[lane]) * f64::from(right[lane]);
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn after_as_many_steps_as_dimensions_the_direction_is_newtons() {
        // Gradient H x with H = diag(1, 4, 9): steps along the axes tell the whole Hessian.
        let mut history = History::default();
        for (axis, curvature) in [1f32, 4.0, 9.0].into_iter().enumerate() {
            let mut step = Array2::zeros((3, 1));
            step[[axis, 0]] = 0.5;
            history.remember(step.clone(), step * curvature);
        }
        let direction = history.direction(array![[2f32], [2.0], [2.0]].view(), Array2::ones((3, 1)).view());
        assert!((direction - array![[-2f32], [-0.5], [-2.0 / 9.0]]).iter().all(|gap| gap.abs() < 1e-6));
    }

    #[test]
    fn the_sum_of_products_is_the_same_for_slices_and_strides() {
        let left = Array2::from_shape_fn((5, 7), |(row, column)| (row * 7 + column) as f32);
        let right = left.mapv(|value| 1.0 - value);
        let expected: f64 = (0..35).map(|value| f64::from(value) * (1.0 - f64::from(value))).sum();
        assert_eq!(dot(left.view(), right.view()), expected);
        assert_eq!(dot(left.t(), right.t()), expected);
    }

    #[test]
    fn a_step_without_curvature_is_left_out() {
        let mut history = History::default();
        history.remember(array![[1f32]], array![[-1f32]]);
        assert_eq!(history.direction(array![[3f32]].view(), array![[2f32]].view()), array![[-6f32]]);
    }
}
