//! The limited-memory BFGS direction.

use std::collections::VecDeque;

use ndarray::{Array2, ArrayView2, Zip};

/// How many steps are remembered.
const MEMORY: usize = 10;

/// The last steps and what they did to the gradient.
///
/// Source: Nocedal, Wright, "Numerical Optimization", 2006, algorithm 7.4.
pub struct History {
    /// The inverse curvature assumed where nothing is known: `[r]`, one a row of the parameters.
    inverse_curvature: Vec<f64>,
    pairs: VecDeque<Pair>,
}

struct Pair {
    step: Array2<f32>,
    change: Array2<f32>,
    product: f64,
}

impl History {
    pub fn new(inverse_curvature: Vec<f64>) -> Self {
        Self { inverse_curvature, pairs: VecDeque::with_capacity(MEMORY) }
    }

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

    /// A direction of descent: minus the approximate inverse Hessian times `gradient`.
    pub fn direction(&self, gradient: ArrayView2<f32>) -> Array2<f32> {
        let mut direction = gradient.mapv(|value| -value);
        let mut weights = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let weight = dot(pair.step.view(), direction.view()) / pair.product;
            direction.scaled_add(-weight as f32, &pair.change);
            weights.push(weight);
        }
        self.precondition(&mut direction);
        for (pair, weight) in self.pairs.iter().zip(weights.into_iter().rev()) {
            let correction = weight - dot(pair.change.view(), direction.view()) / pair.product;
            direction.scaled_add(correction as f32, &pair.step);
        }
        direction
    }

    /// Multiplies with the assumed inverse curvature, scaled to fit the last step.
    fn precondition(&self, direction: &mut Array2<f32>) {
        let scale = self.pairs.back().map_or(1.0, |pair| {
            let rows = pair.change.rows().into_iter().zip(&self.inverse_curvature);
            pair.product
                / rows
                    .map(|(row, inverse)| {
                        inverse * dot(row.insert_axis(ndarray::Axis(0)), row.insert_axis(ndarray::Axis(0)))
                    })
                    .sum::<f64>()
        });
        for (mut row, inverse) in direction.rows_mut().into_iter().zip(&self.inverse_curvature) {
            row *= (inverse * scale) as f32;
        }
    }
}

/// The sum of the products of all entries.
pub fn dot(left: ArrayView2<f32>, right: ArrayView2<f32>) -> f64 {
    Zip::from(left).and(right).fold(0.0, |sum, &left, &right| sum + f64::from(left) * f64::from(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn after_as_many_steps_as_dimensions_the_direction_is_newtons() {
        // Gradient H x with H = diag(1, 4, 9): steps along the axes tell the whole Hessian.
        let mut history = History::new(vec![1.0; 3]);
        for (axis, curvature) in [1f32, 4.0, 9.0].into_iter().enumerate() {
            let mut step = Array2::zeros((3, 1));
            step[[axis, 0]] = 0.5;
            history.remember(step.clone(), step * curvature);
        }
        let direction = history.direction(array![[2f32], [2.0], [2.0]].view());
        assert!((direction - array![[-2f32], [-0.5], [-2.0 / 9.0]]).iter().all(|gap| gap.abs() < 1e-6));
    }

    #[test]
    fn a_step_without_curvature_is_left_out() {
        let mut history = History::new(vec![1.0]);
        history.remember(array![[1f32]], array![[-1f32]]);
        assert_eq!(history.direction(array![[3f32]].view()), array![[-3f32]]);
    }
}
