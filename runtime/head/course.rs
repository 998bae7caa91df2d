//! A perceptron cross-validated and trained on everything, whatever its targets are.

use edgetl_algebra::{Par, get_global_parallelism};
use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::FitOptions;
use super::folds::Folds;
use super::mlp::{Lesson, Loss, Trained, train};
use crate::dataset::Dataset;

/// One part in so many is held back to stop training by.
const VALIDATION_PARTS: usize = 8;
/// The loss of fewer held-back samples is too uncertain to stop by.
const LEAST_VALIDATION: usize = 16;

/// What a perceptron is trained and measured on.
pub struct Course<'a> {
    pub dataset: &'a Dataset,
    /// `[N,K]`
    pub targets: Array2<f32>,
    pub loss: Loss,
    pub folds: &'a Folds,
    /// Whether the samples held back come from every class.
    pub stratified: bool,
    pub options: &'a FitOptions,
}

impl Course<'_> {
    /// Answers `[N,K]` by perceptrons that had not seen the fold, the folds side by side; 0 in rows of no fold.
    pub fn out_of_fold(&self) -> Array2<f32> {
        let folds: Vec<&[usize]> = self.folds.iter().collect();
        let answer = |fold: &&[usize]| {
            let trained = self.trained(&self.folds.training_rows(fold), Par::Seq);
            trained.mlp.logits(self.dataset.features().select(Axis(0), fold).view())
        };
        let answers: Vec<Array2<f32>> = folds.par_iter().map(answer).collect();
        let mut all = Array2::zeros(self.targets.dim());
        for (fold, answers) in folds.into_iter().zip(&answers) {
            for (&row, answer) in fold.iter().zip(answers.rows()) {
                all.row_mut(row).assign(&answer);
            }
        }
        all
    }

    /// Trained on all samples but those held back.
    pub fn on_all(&self) -> Trained {
        self.trained(&(0..self.dataset.len()).collect::<Vec<_>>(), get_global_parallelism())
    }

    fn trained(&self, rows: &[usize], parallelism: Par) -> Trained {
        let settings = &self.options.mlp;
        let (training, validation) = self.split(rows);
        let take = |rows: &[usize]| (self.dataset.features().select(Axis(0), rows), self.targets.select(Axis(0), rows));
        let (features, targets) = take(&training);
        let validation = (!validation.is_empty()).then(|| take(&validation));
        let lesson = Lesson { features, targets, loss: self.loss, validation, seed: self.options.seed, parallelism };
        train(&lesson, settings)
    }

    /// The rows to learn from and those, of other groups, to stop by.
    fn split(&self, rows: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let all = || (rows.to_vec(), Vec::new());
        if self.options.mlp.patience == 0 || rows.len() < VALIDATION_PARTS * LEAST_VALIDATION {
            return all();
        }
        let part = self.dataset.select(rows);
        let folds = match self.stratified {
            true => Folds::new(&part, VALIDATION_PARTS, self.options.seed),
            false => Folds::by_group(&part, VALIDATION_PARTS, self.options.seed),
        };
        let original = |places: &[usize]| places.iter().map(|&place| rows[place]).collect::<Vec<_>>();
        match folds.iter().next() {
            Some(held) if held.len() >= LEAST_VALIDATION && held.len() + 2 <= rows.len() => {
                (original(&folds.training_rows(held)), original(held))
            }
            _ => all(),
        }
    }
}

/// How many multiplications a [`Course`] with K outputs takes at most.
pub fn work(dataset: &Dataset, outputs: usize, folds: &Folds, options: &FitOptions) -> f64 {
    let settings = &options.mlp;
    let weights = settings.width_for(dataset.dim()) as f64 * (dataset.dim() + outputs) as f64;
    let (samples, steps) = (dataset.len() as f64, dataset.len() as f64 / settings.batch_for(dataset.len()) as f64);
    // Forward and backward a product each, and the optimiser's passes over all weights.
    let pass = weights * (2.0 * samples + 10.0 * steps);
    pass * settings.epochs as f64 * (folds.count() + 1) as f64
}
