//! Independent logistic regressions, one a label, along a path of penalties that they share.

use edgetl_algebra::Par;
use ndarray::{Array1, Array2, ArrayView1, Axis, s};
use rayon::prelude::*;

use super::softmax::{Problem, Stop};
use crate::head::design::{Coordinates as _, Design};
use crate::head::folds::Folds;
use crate::labels::ClassIndex;

const STOP: Stop = Stop { tolerance: 1e-4, gain: f64::INFINITY, iterations: 500 };

/// What the regressions are fitted to.
pub struct Logistic<'a, 'd> {
    pub design: &'a Design<'d>,
    /// `[N,K]`
    pub present: &'a Array2<bool>,
}

impl Logistic<'_, '_> {
    /// Logits `[N,K]` for each of `penalties` by regressions that had not seen the fold, each penalty starting where the
    /// one before it ended; 0 in rows of no fold.
    pub fn out_of_fold(&self, folds: &Folds, penalties: &[f64]) -> Vec<Array2<f32>> {
        let mut all = vec![Array2::zeros(self.present.dim()); penalties.len()];
        for fold in folds.iter() {
            let training = folds.training_rows(fold);
            let held_out = self.design.rows(fold);
            let answer =
                |parameters: &Array1<f32>| held_out.dot(&parameters.slice(s![..-1])) + parameters[held_out.ncols()];
            for (label, path) in self.paths(&training, penalties).iter().enumerate() {
                for (logits, parameters) in all.iter_mut().zip(path) {
                    for (&row, logit) in fold.iter().zip(answer(parameters)) {
                        logits[[row, label]] = logit;
                    }
                }
            }
        }
        all
    }

    /// Weights `[r,K]` and biases `[K]` fitted on all samples.
    pub fn on_all(&self, penalty: f64) -> (Array2<f32>, Array1<f32>) {
        let (samples, rank) = self.design.dim();
        let rows: Vec<usize> = (0..samples).collect();
        let paths = self.paths(&rows, &[penalty]);
        let mut parameters = Array2::zeros((rank + 1, paths.len()));
        paths.iter().enumerate().for_each(|(label, path)| parameters.column_mut(label).assign(&path[0]));
        (parameters.slice(s![..rank, ..]).to_owned(), parameters.row(rank).to_owned())
    }

    /// Of each label, the parameters `[r+1]` for each penalty.
    fn paths(&self, rows: &[usize], penalties: &[f64]) -> Vec<Vec<Array1<f32>>> {
        let design = self.design.rows(rows);
        let mean_squares = &self.design.mean_squares();
        let present = self.present.select(Axis(0), rows);
        let columns: Vec<ArrayView1<bool>> = present.columns().into_iter().collect();
        columns.par_iter().map(|present| path(&design, mean_squares, *present, penalties)).collect()
    }
}

/// A logistic regression is a softmax of two classes: its weights are the difference of theirs, on which a penalty counts
/// half.
fn path(
    design: &Array2<f32>,
    mean_squares: &Array1<f32>,
    present: ArrayView1<bool>,
    penalties: &[f64],
) -> Vec<Array1<f32>> {
    let samples = design.nrows();
    let targets: Vec<ClassIndex> = present.iter().map(|&present| ClassIndex(usize::from(present))).collect();
    let weights = vec![1.0 / samples as f64; samples];
    let mut parameters = Array2::zeros((design.ncols() + 1, 2));
    let solve = |&penalty: &f64| {
        let penalty = 2.0 * penalty / samples as f64;
        let (targets, weights, parallelism) = (&targets, &weights, Par::Seq);
        let problem = Problem { design, mean_squares, targets, weights, classes: 2, penalty, parallelism };
        parameters = problem.minimise(std::mem::take(&mut parameters), STOP).parameters;
        &parameters.column(1) - &parameters.column(0)
    };
    penalties.iter().map(solve).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::calibration::independent_probabilities;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    #[test]
    fn the_gradient_of_the_penalised_loss_vanishes_for_every_label() {
        let mut rng = Pcg64::seed_from_u64(6);
        let features = Array2::from_shape_fn((50, 4), |_| rng.random_range(-1f32..1.0));
        let present =
            Array2::from_shape_fn((50, 3), |(row, label)| features[[row, label]] + rng.random_range(-0.5..0.5) > 0.2);
        let design = Design::new(features.view(), 4).unwrap();
        let penalty = 0.7;
        let fitted = Logistic { design: &design, present: &present }.on_all(penalty);
        let logits = design.all().dot(&fitted.0) + &fitted.1;
        let residual = independent_probabilities(&logits) - present.mapv(|present| f32::from(u8::from(present)));
        let gradient = design.all().t().dot(&residual) + &fitted.0 * penalty as f32;
        let bias = residual.sum_axis(Axis(0));
        assert!(gradient.iter().chain(&bias).all(|entry| entry.abs() < 0.02), "{gradient} {bias}");
    }
}
