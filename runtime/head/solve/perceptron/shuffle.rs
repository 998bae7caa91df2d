//! What chance decides while training: the order of samples, and what is dropped.

use ndarray::Array2;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

/// Batches of samples without end, each pass in another order.
pub struct Batches {
    order: Vec<usize>,
    /// Steps a pass.
    pub steps: usize,
    next: usize,
    rng: Pcg64,
}

impl Batches {
    /// `samples` above 1; as equal as can be, and never of one sample, which has no variance.
    pub fn new(samples: usize, batch: usize, seed: u64) -> Self {
        let steps = (samples / batch.max(2)).max(1);
        Self { order: (0..samples).collect(), steps, next: 0, rng: Pcg64::seed_from_u64(seed) }
    }

    pub fn rng(&mut self) -> &mut Pcg64 {
        &mut self.rng
    }

    /// The rows of the next batch.
    pub fn next(&mut self) -> Vec<usize> {
        if self.next == 0 {
            self.order.shuffle(&mut self.rng);
        }
        let edge = |step: usize| step * self.order.len() / self.steps;
        let rows = self.order[edge(self.next)..edge(self.next + 1)].to_vec();
        self.next = (self.next + 1) % self.steps;
        rows
    }
}

/// 0 for the share that is left out, and what keeps the mean for the rest.
pub fn dropout_mask(shape: (usize, usize), share: f32, rng: &mut Pcg64) -> Array2<f32> {
    let kept = 1.0 / (1.0 - share);
    Array2::from_shape_simple_fn(shape, || if rng.random::<f32>() < share { 0.0 } else { kept })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_in_one_batch_of_a_pass_and_no_batch_has_one_alone() {
        let mut batches = Batches::new(13, 4, 1);
        let pass: Vec<Vec<usize>> = (0..batches.steps).map(|_| batches.next()).collect();
        assert!(pass.iter().all(|rows| rows.len() >= 4));
        let mut rows = pass.concat();
        rows.sort_unstable();
        assert_eq!(rows, (0..13).collect::<Vec<_>>());
        assert_eq!(Batches::new(3, 64, 1).next().len(), 3);
    }

    #[test]
    fn dropout_leaves_out_its_share_and_keeps_the_mean() {
        let mask = dropout_mask((200, 101), 0.3, &mut Pcg64::seed_from_u64(7));
        let dropped = mask.iter().filter(|value| **value == 0.0).count() as f32 / mask.len() as f32;
        assert!((dropped - 0.3).abs() < 0.02 && (mask.mean().unwrap() - 1.0).abs() < 0.03);
        assert_eq!(dropout_mask((2, 3), 0.0, &mut Pcg64::seed_from_u64(7)), Array2::<f32>::ones((2, 3)));
    }
}
