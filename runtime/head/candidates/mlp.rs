//! The perceptron, trained anew for each fold, the folds side by side.

use edgetl_algebra::{Par, get_global_parallelism};
use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::{Fitted, Prepared, Trial, scatter};
use crate::head::fit::FitError;
use crate::head::folds::Folds;
use crate::head::mlp::{Lesson, Loss, Trained, one_hot, train};
use crate::head::{Head, HeadKind};

/// One part in so many is held back to stop training by.
const VALIDATION_PARTS: usize = 8;
/// The loss of fewer held-back samples is too uncertain to stop by.
const LEAST_VALIDATION: usize = 16;

/// How many multiplications cross-validating and fitting take at most.
pub fn work(data: &Prepared) -> f64 {
    let settings = &data.options.mlp;
    let weights = settings.width_for(data.dataset.dim()) as f64 * (data.dataset.dim() + data.classes()) as f64;
    let (samples, steps) = (data.dataset.len() as f64, data.dataset.len() as f64 / settings.batch.max(2) as f64);
    // Forward and backward a product each, and the optimiser's passes over all weights.
    let pass = weights * (2.0 * samples + 10.0 * steps);
    pass * settings.epochs as f64 * (data.folds.count() + 1) as f64
}

pub fn trial(data: &Prepared) -> Result<Trial, FitError> {
    let features = data.dataset.features();
    let folds: Vec<&[usize]> = data.folds.iter().collect();
    let answers: Vec<Array2<f32>> = folds
        .par_iter()
        .map(|fold| {
            let trained = fitted(&data.folds.training_rows(fold), data, Par::Seq);
            trained.mlp.logits(features.select(Axis(0), fold).view())
        })
        .collect();
    let mut logits = Array2::zeros((data.dataset.len(), data.classes()));
    folds.into_iter().zip(&answers).for_each(|(fold, answers)| scatter(&mut logits, fold, answers));
    if logits.iter().any(|logit| !logit.is_finite()) {
        return Err(FitError::Diverged);
    }
    let refit = |data: &Prepared| {
        let trained = fitted(&(0..data.dataset.len()).collect::<Vec<_>>(), data, get_global_parallelism());
        Fitted { head: Head::Mlp(trained.mlp), training: Some(trained.report) }
    };
    Ok(Trial { kind: HeadKind::Mlp, penalty: None, logits: data.held_out(&logits), refit: Box::new(refit) })
}

fn fitted(rows: &[usize], data: &Prepared, parallelism: Par) -> Trained {
    let settings = &data.options.mlp;
    let (training, validation) = split(rows, data);
    let targets = |rows: &[usize]| {
        let targets = one_hot(data.targets(rows).iter().map(|target| target.0), data.classes());
        let weights = ndarray::Array1::from_iter(rows.iter().map(|&row| data.weights[row] as f32));
        targets * weights.insert_axis(Axis(1))
    };
    let features = |rows: &[usize]| data.dataset.features().select(Axis(0), rows);
    let lesson = Lesson {
        features: features(&training),
        targets: targets(&training),
        loss: Loss::CrossEntropy { smoothing: settings.label_smoothing },
        validation: (!validation.is_empty()).then(|| (features(&validation), targets(&validation))),
        seed: data.options.seed,
        parallelism,
    };
    train(&lesson, settings)
}

/// The rows to learn from and those, of other groups, to stop by.
fn split(rows: &[usize], data: &Prepared) -> (Vec<usize>, Vec<usize>) {
    let all = || (rows.to_vec(), Vec::new());
    if data.options.mlp.patience == 0 || rows.len() < VALIDATION_PARTS * LEAST_VALIDATION {
        return all();
    }
    let folds = Folds::new(&data.dataset.select(rows), VALIDATION_PARTS, data.options.seed);
    let original = |places: &[usize]| places.iter().map(|&place| rows[place]).collect::<Vec<_>>();
    match folds.iter().next() {
        Some(held) if held.len() >= LEAST_VALIDATION && held.len() + 2 <= rows.len() => {
            (original(&folds.training_rows(held)), original(held))
        }
        _ => all(),
    }
}
