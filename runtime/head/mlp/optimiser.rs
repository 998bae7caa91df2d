//! From gradients to the next weights.

use super::network::{Gradients, Network};
use super::settings::Optimiser;

/// Beta 1, beta 2 and epsilon, as PyTorch's defaults.
const ADAM: (f32, f32, f32) = (0.9, 0.999, 1e-8);

/// What an optimiser remembers of the gradients of every parameter.
pub enum State {
    Adam { first: Gradients, second: Gradients, steps: i32 },
    Sgd { velocity: Gradients, momentum: f32 },
}

impl State {
    pub fn new(optimiser: Optimiser, network: &mut Network) -> Self {
        let mut zeros = || network.parameters().map(|values| vec![0.0; values.len()]);
        match optimiser {
            Optimiser::Adam => Self::Adam { first: zeros(), second: zeros(), steps: 0 },
            Optimiser::Sgd { momentum } => Self::Sgd { velocity: zeros(), momentum },
        }
    }

    /// One step at `rate`.
    ///
    /// Source: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2; PyTorch's `SGD`.
    pub fn step(&mut self, network: &mut Network, gradients: &Gradients, rate: f32, decay: f32) {
        let parameters = network.parameters().into_iter().zip(gradients);
        match self {
            Self::Adam { first, second, steps } => {
                *steps += 1;
                let step = AdamStep::new(rate, decay, *steps);
                for ((values, gradients), (first, second)) in parameters.zip(first.iter_mut().zip(second)) {
                    step.apply(values, gradients, first, second);
                }
            }
            Self::Sgd { velocity, momentum } => {
                for ((values, gradients), velocity) in parameters.zip(velocity) {
                    for ((value, &gradient), velocity) in values.iter_mut().zip(gradients).zip(velocity) {
                        *velocity = *momentum * *velocity + gradient + decay * *value;
                        *value -= rate * *velocity;
                    }
                }
            }
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
        let (beta_1, beta_2, _) = ADAM;
        let (unbias_1, unbias_2) = (1.0 - beta_1.powi(steps), 1.0 - beta_2.powi(steps));
        Self { keep: 1.0 - rate * decay, rate: rate / unbias_1, inverse_root: 1.0 / unbias_2.sqrt() }
    }

    fn apply(&self, values: &mut [f32], gradients: &[f32], first: &mut [f32], second: &mut [f32]) {
        let (beta_1, beta_2, epsilon) = ADAM;
        for (((value, &gradient), first), second) in values.iter_mut().zip(gradients).zip(first).zip(second) {
            *first += (1.0 - beta_1) * (gradient - *first);
            *second += (1.0 - beta_2) * (gradient * gradient - *second);
            *value = self.keep * *value - self.rate * *first / (second.sqrt() * self.inverse_root + epsilon);
        }
    }
}
