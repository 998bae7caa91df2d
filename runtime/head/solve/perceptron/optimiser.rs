//! From gradients to the next weights: Adam with decoupled weight decay.

use super::network::{Gradients, Network};

/// Beta 1, beta 2 and epsilon, as PyTorch's defaults.
const CONSTANTS: (f32, f32, f32) = (0.9, 0.999, 1e-8);

/// What is remembered of the gradients of every parameter.
///
/// Source: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2.
pub struct Adam {
    first: Gradients,
    second: Gradients,
    steps: i32,
}

impl Adam {
    pub fn new(network: &mut Network) -> Self {
        let mut zeros = || network.parameters().map(|values| vec![0.0; values.len()]);
        Self { first: zeros(), second: zeros(), steps: 0 }
    }

    /// One step at `rate`.
    pub fn step(&mut self, network: &mut Network, gradients: &Gradients, rate: f32, decay: f32) {
        self.steps += 1;
        let step = AdamStep::new(rate, decay, self.steps);
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((values, gradients), (first, second)) in network.parameters().into_iter().zip(gradients).zip(moments) {
            step.apply(values, gradients, first, second);
        }
    }
}

/// The constants of one step: one pass over four flat arrays, without a division but that by the root.
struct AdamStep {
    keep: f32,
    rate: f32,
    inverse_root: f32,
}

impl AdamStep {
    fn new(rate: f32, decay: f32, steps: i32) -> Self {
        let (beta_1, beta_2, _) = CONSTANTS;
        let (unbias_1, unbias_2) = (1.0 - beta_1.powi(steps), 1.0 - beta_2.powi(steps));
        Self { keep: 1.0 - rate * decay, rate: rate / unbias_1, inverse_root: 1.0 / unbias_2.sqrt() }
    }

    fn apply(&self, values: &mut [f32], gradients: &[f32], first: &mut [f32], second: &mut [f32]) {
        let (beta_1, beta_2, epsilon) = CONSTANTS;
        for (((value, &gradient), first), second) in values.iter_mut().zip(gradients).zip(first).zip(second) {
            *first += (1.0 - beta_1) * (gradient - *first);
            *second += (1.0 - beta_2) * (gradient * gradient - *second);
            *value = self.keep * *value - self.rate * *first / (second.sqrt() * self.inverse_root + epsilon);
        }
    }
}
