//! Where the search is, and what is known there.

use ndarray::{Array1, Array2, Axis, s};
use rayon::prelude::*;

use super::residual::Residual;
use super::{Problem, logits};
use edgetl_algebra::{Kernel, product, with_widest_vectors};

/// Parameters with the loss and its derivatives.
pub struct Point {
    /// `[r+1,K]`, the last row the bias.
    pub parameters: Array2<f32>,
    /// `[N,K]`
    pub logits: Array2<f32>,
    pub loss: f64,
    /// `[r+1,K]`: of the objective.
    pub gradient: Array2<f32>,
    /// `[K]`: the weighted variances of the classes' indicators.
    pub spread: Array1<f32>,
}

/// Room for what is made of every point anew.
pub struct Work {
    /// `[N,K]`
    pub probabilities: Array2<f32>,
    residual: Residual,
}

impl Work {
    pub fn new(problem: &Problem) -> Self {
        let shape = (problem.targets.len(), problem.classes);
        Self { probabilities: Array2::zeros(shape), residual: Residual::new(Array2::zeros(shape)) }
    }
}

impl Point {
    pub fn new(problem: &Problem, parameters: Array2<f32>, work: &mut Work) -> Self {
        if parameters.iter().all(|parameter| *parameter == 0.0) {
            return Self::zero(problem, parameters);
        }
        let logits = logits(problem.design.view(), parameters.view(), problem.parallelism);
        let (loss, _) = problem.along(&logits, &logits, 0.0, &mut work.probabilities);
        let (gradient, spread) = (Array2::zeros(parameters.dim()), Array1::zeros(problem.classes));
        let mut point = Self { parameters, logits, loss, gradient, spread };
        point.derive(problem, work);
        point
    }

    /// At parameters of 0 every class is as likely as another, and sums over samples give all without a product.
    fn zero(problem: &Problem, parameters: Array2<f32>) -> Self {
        let (share, total) = (1.0 / problem.classes as f32, problem.weights.iter().sum::<f64>());
        let sums = class_sums(problem);
        let mean = sums.sum_axis(Axis(0)) * share;
        let mut gradient = Array2::zeros(parameters.dim());
        gradient.slice_mut(s![..-1, ..]).assign(&(&mean - &sums).t());
        let mut class_weights = vec![0.0; problem.classes];
        problem.targets.iter().zip(problem.weights).for_each(|(target, weight)| class_weights[target.0] += weight);
        for (slope, weight) in gradient.row_mut(parameters.nrows() - 1).iter_mut().zip(class_weights) {
            *slope = (total / problem.classes as f64 - weight) as f32;
        }
        Self {
            logits: Array2::zeros((problem.targets.len(), problem.classes)),
            loss: total * (problem.classes as f64).ln(),
            spread: Array1::from_elem(problem.classes, total as f32 * share * (1.0 - share)),
            gradient,
            parameters,
        }
    }

    /// Sets gradient and spread from the probabilities that `work` holds; returns the gradient that was.
    pub fn derive(&mut self, problem: &Problem, work: &mut Work) -> Array2<f32> {
        let residual = &mut work.residual;
        residual.update(problem, &work.probabilities);
        // `[K,r]`: with the design on the right, whose rows are in one piece, the product is faster.
        let product = product(residual.values().reversed_axes(), problem.design.view(), problem.parallelism);
        let mut gradient = Array2::zeros(self.parameters.dim());
        gradient.slice_mut(s![..-1, ..]).assign(&product.t());
        gradient.slice_mut(s![..-1, ..]).scaled_add(problem.penalty as f32, &self.parameters.slice(s![..-1, ..]));
        gradient.slice_mut(s![-1, ..]).assign(residual.sums());
        self.spread.assign(residual.spread());
        std::mem::replace(&mut self.gradient, gradient)
    }
}

/// Channels that one task sums.
const CHANNELS: usize = 128;

/// The weighted sum of each class's rows of the design: `[K,r]`.
fn class_sums(problem: &Problem) -> Array2<f32> {
    let channels = problem.design.ncols();
    let mut sums = Array2::zeros((problem.classes, channels));
    let starts: Vec<usize> = (0..channels).step_by(CHANNELS).collect();
    let together = if problem.parallelism == edgetl_algebra::Par::Seq { usize::MAX } else { 1 };
    let parts: Vec<Vec<f32>> = starts
        .par_iter()
        .with_min_len(together)
        .map(|&start| with_widest_vectors(ClassSums { problem, start, end: channels.min(start + CHANNELS) }))
        .collect();
    for (start, part) in starts.into_iter().zip(parts) {
        let width = part.len() / problem.classes;
        for (mut row, part) in sums.rows_mut().into_iter().zip(part.chunks_exact(width)) {
            row.slice_mut(s![start..start + width]).as_slice_mut().expect("standard layout").copy_from_slice(part);
        }
    }
    sums
}

/// Some channels, of all rows.
struct ClassSums<'a> {
    problem: &'a Problem<'a>,
    start: usize,
    end: usize,
}

impl Kernel for ClassSums<'_> {
    /// `[K,end - start]`
    type Output = Vec<f32>;

    #[inline(always)]
    fn run(self) -> Vec<f32> {
        let Self { problem, start, end } = self;
        let width = end - start;
        let mut sums = vec![0.0; problem.classes * width];
        let rows = problem.design.as_slice().expect("standard layout").chunks_exact(problem.design.ncols());
        for (row, (target, &weight)) in rows.zip(problem.targets.iter().zip(problem.weights)) {
            let sums = &mut sums[target.0 * width..][..width];
            for (sum, &value) in sums.iter_mut().zip(&row[start..end]) {
                *sum += weight as f32 * value;
            }
        }
        sums
    }
}
