//! The derivative of the loss by the logits, and what else one pass over the probabilities gives.

use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

use super::{CHUNK, Problem};
use crate::labels::ClassIndex;
use edgetl_algebra::{Kernel, with_widest_vectors};

/// `weights · (probabilities - one-hot targets)`.
pub struct Residual {
    /// `[N,K]`
    values: Array2<f32>,
    sums: Sums,
}

/// Sums over samples, `[K]`.
struct Sums {
    residual: Array1<f32>,
    /// Of `weight · p (1 - p)`.
    spread: Array1<f32>,
}

impl Residual {
    /// Takes `[N,K]` to keep its values in; what they are does not matter.
    pub fn new(values: Array2<f32>) -> Self {
        let sums = Sums::zeros(values.ncols());
        Self { values, sums }
    }

    /// # Shapes
    /// `probabilities` `[N,K]`, in standard layout.
    pub fn update(&mut self, problem: &Problem, probabilities: &Array2<f32>) {
        let (classes, size) = (problem.classes, CHUNK * problem.classes);
        let values = self.values.as_slice_mut().expect("standard layout").par_chunks_mut(size);
        let probabilities = probabilities.as_slice().expect("standard layout").par_chunks(size);
        let samples = problem.targets.par_chunks(CHUNK).zip(problem.weights.par_chunks(CHUNK));
        let parts: Vec<Sums> = (values, probabilities, samples)
            .into_par_iter()
            .with_min_len(problem.chunks_together())
            .map(|(values, probabilities, (targets, weights))| {
                with_widest_vectors(Chunk { values, probabilities, targets, weights, classes })
            })
            .collect();
        self.sums = parts.into_iter().fold(Sums::zeros(classes), Sums::plus);
    }

    /// `[N,K]`
    pub fn values(&self) -> ArrayView2<'_, f32> {
        self.values.view()
    }

    /// `[K]`: the derivative of the loss by the bias.
    pub fn sums(&self) -> &Array1<f32> {
        &self.sums.residual
    }

    /// `[K]`: the weighted variances of the classes' indicators.
    pub fn spread(&self) -> &Array1<f32> {
        &self.sums.spread
    }
}

impl Sums {
    fn zeros(classes: usize) -> Self {
        Self { residual: Array1::zeros(classes), spread: Array1::zeros(classes) }
    }

    fn plus(self, other: Self) -> Self {
        Self { residual: self.residual + other.residual, spread: self.spread + other.spread }
    }
}

/// What one task works on.
struct Chunk<'a> {
    values: &'a mut [f32],
    probabilities: &'a [f32],
    targets: &'a [ClassIndex],
    weights: &'a [f64],
    classes: usize,
}

impl Kernel for Chunk<'_> {
    type Output = Sums;

    #[inline(always)]
    fn run(self) -> Sums {
        let Self { values, probabilities, targets, weights, classes } = self;
        let mut sums = Sums::zeros(classes);
        let residuals = sums.residual.as_slice_mut().expect("standard layout");
        let spreads = sums.spread.as_slice_mut().expect("standard layout");
        let rows = values.chunks_exact_mut(classes).zip(probabilities.chunks_exact(classes));
        for ((row, probabilities), (target, &weight)) in rows.zip(targets.iter().zip(weights)) {
            let weight = weight as f32;
            for ((value, &p), (residual, spread)) in
                row.iter_mut().zip(probabilities).zip(residuals.iter_mut().zip(spreads.iter_mut()))
            {
                *value = weight * p;
                *residual += *value;
                *spread += *value * (1.0 - p);
            }
            row[target.0] -= weight;
            residuals[target.0] -= weight;
        }
        sums
    }
}
