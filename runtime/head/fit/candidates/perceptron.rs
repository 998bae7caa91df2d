//! The perceptron, trained anew for each fold, whatever its targets are.

use edgetl_algebra::{Par, get_global_parallelism};
use ndarray::{Array2, Axis};

use super::{Fitted, Prepared, Recipe, Trial, scatter};
use crate::head::fit::memory;
use crate::head::folds::Folds;
use crate::head::models::{Head, Mlp};
use crate::head::solve::perceptron::{Trained, TrainingSet, train};
use crate::head::task::TrainingGoal;

/// One part in so many is held back to stop training by.
const VALIDATION_PARTS: usize = 8;
/// The loss of fewer held-back samples is too uncertain to stop by.
const LEAST_VALIDATION: usize = 16;

pub fn trial(data: &Prepared) -> Trial {
    let goal = data.rules().goal(&data.dataset);
    let folds: Vec<&[usize]> = data.split.folds.iter().collect();
    let answer = |fold: &&[usize]| {
        let trained = trained(&goal, &data.split.folds.training_rows(fold), Par::Seq, data);
        trained.mlp.logits(data.dataset.learned().select(Axis(0), fold).view())
    };
    let answers = data.memory.side_by_side(&folds, memory::of_perceptron_fold(data), answer);
    let mut all = Array2::zeros(goal.targets.dim());
    folds.into_iter().zip(&answers).for_each(|(fold, answers)| scatter(&mut all, fold, answers));
    Trial { recipe: Recipe::Mlp, outputs: data.rules().in_units(data.split.held_out(&all)) }
}

pub fn refit(data: &Prepared) -> Fitted {
    let goal = data.rules().goal(&data.dataset);
    let all: Vec<usize> = (0..data.dataset.len()).collect();
    let Trained { mlp: Mlp { hidden, output }, report } = trained(&goal, &all, get_global_parallelism(), data);
    let head = Head::Mlp(Mlp { hidden, output: data.rules().layer_in_units(output) });
    Fitted { head, training: Some(report) }
}

fn trained(goal: &TrainingGoal, rows: &[usize], parallelism: Par, data: &Prepared) -> Trained {
    let (training, validation) = split(goal, rows, data);
    let take = |rows: &[usize]| (data.dataset.learned().select(Axis(0), rows), goal.targets.select(Axis(0), rows));
    let (features, targets) = take(&training);
    let validation = (!validation.is_empty()).then(|| take(&validation));
    let seed = data.options.seed;
    train(&TrainingSet { features, targets, loss: goal.loss, validation, seed, parallelism }, &data.options.mlp)
}

/// The rows to learn from and those, of other groups, to stop by.
fn split(goal: &TrainingGoal, rows: &[usize], data: &Prepared) -> (Vec<usize>, Vec<usize>) {
    let all = || (rows.to_vec(), Vec::new());
    if data.options.mlp.patience == 0 || rows.len() < VALIDATION_PARTS * LEAST_VALIDATION {
        return all();
    }
    let part = data.dataset.select_without_features(rows);
    let folds = match goal.stratified {
        true => Folds::new(&part, VALIDATION_PARTS, data.options.seed),
        false => Folds::by_group(&part, VALIDATION_PARTS, data.options.seed),
    };
    let original = |places: &[usize]| places.iter().map(|&place| rows[place]).collect::<Vec<_>>();
    match folds.iter().next() {
        Some(held) if held.len() >= LEAST_VALIDATION && held.len() + 2 <= rows.len() => {
            (original(&folds.training_rows(held)), original(held))
        }
        _ => all(),
    }
}

/// How many multiplications cross-validating and fitting take at most.
pub fn work(data: &Prepared) -> f64 {
    let (settings, samples, dim) = (&data.options.mlp, data.dataset.len(), data.dataset.dim());
    let weights = settings.width_for(dim) as f64 * (dim + data.rules().width()) as f64;
    let (samples, steps) = (samples as f64, samples as f64 / settings.batch_for(samples) as f64);
    // Forward and backward a product each, and the optimiser's passes over all weights.
    let pass = weights * (2.0 * samples + 10.0 * steps);
    pass * settings.epochs as f64 * (data.split.folds.count() + 1) as f64
}
