//! Logistic regression along a path of penalties.

use edgetl_algebra::{Par, get_global_parallelism};
use ndarray::{Array2, s};

use super::{Prepared, Recipe, Trial, scatter};
use crate::dataset::Dataset;
use crate::head::design::{Coordinates as _, Design};
use crate::head::error::FitError;
use crate::head::fit::memory;
use crate::head::models::{Head, Linear, LinearKind};
use crate::head::solve::logistic::Logistic;
use crate::head::solve::softmax::{Problem, Solution, Stop};
use crate::head::task::{Names, Target, sample_weights};

/// scikit-learn's `1/C`, from strong to weak: each start is the solution before it.
const PENALTIES: [f64; 4] = [1e3, 1e2, 1e1, 1.0];
/// Of the head that is kept: scikit-learn's default tolerance. Heads that are only compared need less.
const STOP: Stop = Stop { tolerance: 1e-4, gain: 1e-4, iterations: 1000 };
const TRIAL_STOP: Stop = Stop { tolerance: 1e-3, gain: f64::INFINITY, iterations: 1000 };

/// A logistic regression of one penalty.
#[derive(Clone, Debug)]
pub struct SoftmaxFit {
    pub linear: Linear,
    /// The mean cross-entropy plus `penalty / 2N` times the squared weights on standardised features.
    pub objective: f64,
    /// The largest entry of its gradient.
    pub gradient: f64,
    pub iterations: usize,
}

/// Fits one penalty on all samples, without calibration: scikit-learn's `LogisticRegression(C=1/penalty)` on
/// standardised features.
///
/// # Errors
/// When there is no sample, or the decomposition of few samples in many channels does not converge.
pub fn softmax_regression(dataset: &Dataset, penalty: f64, balance: bool) -> Result<SoftmaxFit, FitError> {
    if dataset.is_empty() || dataset.dim() == 0 {
        return Err(FitError::NoSamples);
    }
    let design = Design::new(dataset.learned(), dataset.last_dim()).map_err(|_| FitError::Decomposition)?;
    let solution = solve(dataset, &design, &sample_weights(dataset, balance), penalty);
    let linear = unfold(&design, &solution);
    let Solution { objective, gradient, iterations, .. } = solution;
    Ok(SoftmaxFit { linear, objective, gradient, iterations })
}

pub fn trial(data: &Prepared) -> Trial {
    let penalties = data.penalties(&PENALTIES);
    let (mut paths, losses): (Vec<_>, Vec<_>) = match &data.target {
        Target::Names(names) => {
            let paths = logistic(names, data).out_of_fold(&data.split.folds, &penalties);
            let paths: Vec<_> = paths.iter().map(|path| data.split.held_out(path)).collect();
            let losses = paths.iter().map(|path| names.loss(path)).collect();
            (paths, losses)
        }
        _ => {
            let paths = out_of_fold(data, &penalties);
            let losses = paths.iter().map(|path| data.classes().loss(path)).collect();
            (paths, losses)
        }
    };
    let best = data.best_penalty(&penalties, &losses);
    Trial { recipe: Recipe::Softmax { penalty: penalties[best] }, outputs: paths.swap_remove(best) }
}

pub fn refit(penalty: f64, data: &Prepared) -> Head {
    let linear = match &data.target {
        Target::Names(names) => {
            let (weights, bias) = logistic(names, data).on_all(penalty);
            data.design.unfold(weights.view(), &bias)
        }
        _ => unfold(&data.design, &solve(&data.dataset, &data.design, &data.weights, penalty)),
    };
    Head::Linear { fitted_by: LinearKind::Softmax, linear }
}

fn logistic<'a, 'd>(names: &'a Names, data: &'a Prepared<'d>) -> Logistic<'a, 'd> {
    Logistic { design: &data.design, present: &names.tags.present }
}

/// Logits `[M,K]` of the measured rows, for each penalty.
fn out_of_fold(data: &Prepared, penalties: &[f64]) -> Vec<Array2<f32>> {
    let folds: Vec<&[usize]> = data.split.folds.iter().collect();
    let answers: Vec<_> =
        data.memory.side_by_side(&folds, memory::of_softmax_fold(data), |fold| without(fold, data, penalties));
    let mut paths = vec![Array2::zeros((data.dataset.len(), data.classes().count())); penalties.len()];
    for (fold, answers) in folds.into_iter().zip(&answers) {
        paths.iter_mut().zip(answers).for_each(|(path, answers)| scatter(path, fold, answers));
    }
    paths.iter().map(|path| data.split.held_out(path)).collect()
}

/// Logits of `fold` by heads fitted on the rest, one a penalty; each starts where the one before it ended.
fn without(fold: &[usize], data: &Prepared, penalties: &[f64]) -> Vec<Array2<f32>> {
    let training = data.split.folds.training_rows(fold);
    let (design, mean_squares) = (&data.design.rows(&training), &data.design.mean_squares());
    let (targets, classes) = (&data.targets(&training), data.classes().count());
    let raw: Vec<f64> = training.iter().map(|&row| data.weights[row]).collect();
    let total: f64 = raw.iter().sum();
    let weights: &Vec<f64> = &raw.iter().map(|weight| weight / total).collect();
    let mut parameters = Array2::zeros((design.ncols() + 1, classes));
    let answers = penalties.iter().map(|penalty| {
        let (penalty, parallelism) = (penalty / total, Par::Seq);
        let problem = Problem { design, mean_squares, targets, weights, classes, penalty, parallelism };
        parameters = problem.minimise(std::mem::take(&mut parameters), TRIAL_STOP).parameters;
        let (weights, bias) = (parameters.slice(s![..-1, ..]), parameters.row(parameters.nrows() - 1).to_owned());
        data.design.logits(fold, (weights, &bias), parallelism)
    });
    answers.collect()
}

fn solve(dataset: &Dataset, design: &Design, weights: &[f64], penalty: f64) -> Solution {
    let (total, classes) = (dataset.len() as f64, dataset.labels().len());
    let weights: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
    let problem = Problem {
        design: &design.all(),
        mean_squares: &design.mean_squares(),
        targets: dataset.targets(),
        weights: &weights,
        classes,
        penalty: penalty / total,
        parallelism: get_global_parallelism(),
    };
    problem.minimise(Array2::zeros((problem.design.ncols() + 1, classes)), STOP)
}

fn unfold(design: &Design, solution: &Solution) -> Linear {
    let parameters = &solution.parameters;
    design.unfold(parameters.slice(s![..-1, ..]), &parameters.row(parameters.nrows() - 1).to_owned())
}
