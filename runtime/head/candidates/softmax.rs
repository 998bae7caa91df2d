//! Logistic regression along a path of penalties.

use edgetl_algebra::{Par, get_global_parallelism};
use ndarray::{Array2, Axis, s};
use rayon::prelude::*;

use super::{Prepared, Trial, scatter};
use crate::dataset::Dataset;
use crate::head::fit::FitError;
use crate::head::softmax::{Problem, Solution, Stop, with_bias};
use crate::head::{FitOptions, Head, HeadKind, Linear};
use edgetl_algebra::product;

/// scikit-learn's `1/C`, from strong to weak: each start is the solution before it.
const PENALTIES: [f64; 4] = [1e3, 1e2, 1e1, 1.0];
/// Of the head that is kept, as scikit-learn's default; heads that are only compared need less.
const STOP: Stop = Stop { tolerance: 1e-4, iterations: 1000 };
const TRIAL_STOP: Stop = Stop { tolerance: 1e-3, iterations: 1000 };

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
    let options = FitOptions { balance, ..FitOptions::default() };
    let data = Prepared::new(dataset, &options)?;
    let solution = solve(&data, penalty);
    let linear = unfold(&data, &solution);
    let Solution { objective, gradient, iterations, .. } = solution;
    Ok(SoftmaxFit { linear, objective, gradient, iterations })
}

pub fn trial(data: &Prepared) -> Trial {
    let penalties = data.penalties(&PENALTIES);
    let design = with_bias(data.design.coordinates().view());
    let folds: Vec<&[usize]> = data.folds.iter().collect();
    let answers: Vec<_> = folds.par_iter().map(|fold| without(fold, data, &design, &penalties)).collect();
    let mut paths = vec![Array2::zeros((data.dataset.len(), data.classes())); penalties.len()];
    for (fold, answers) in folds.into_iter().zip(&answers) {
        paths.iter_mut().zip(answers).for_each(|(path, answers)| scatter(path, fold, answers));
    }
    let trials = penalties.into_iter().zip(paths.iter().map(|path| data.held_out(path)));
    let (penalty, logits) = match data.folds.count() {
        0 => trials.take(PENALTIES.len() / 2).next_back(),
        _ => {
            let measured = trials.map(|(penalty, logits)| (data.loss(&logits), (penalty, logits)));
            measured.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, trial)| trial)
        }
    }
    .expect("options hold at least one penalty");
    let refit = move |data: &Prepared| Head::Softmax(unfold(data, &solve(data, penalty))).into();
    Trial { kind: HeadKind::Softmax, penalty: Some(penalty), logits, refit: Box::new(refit) }
}

/// Logits of `fold` by heads fitted on the rest, one a penalty; each starts where the one before it ended.
fn without(fold: &[usize], data: &Prepared, design: &Array2<f32>, penalties: &[f64]) -> Vec<Array2<f32>> {
    let training = data.folds.training_rows(fold);
    let (design, held_out) = (&design.select(Axis(0), &training), design.select(Axis(0), fold));
    let (targets, classes) = (&data.targets(&training), data.classes());
    let raw: Vec<f64> = training.iter().map(|&row| data.weights[row]).collect();
    let total: f64 = raw.iter().sum();
    let weights: &Vec<f64> = &raw.iter().map(|weight| weight / total).collect();
    let mut parameters = Array2::zeros((design.ncols(), classes));
    let answers = penalties.iter().map(|penalty| {
        let problem = Problem { design, targets, weights, classes, penalty: penalty / total, parallelism: Par::Seq };
        parameters = problem.minimise(std::mem::take(&mut parameters), TRIAL_STOP).parameters;
        product(held_out.view(), parameters.view(), Par::Seq)
    });
    answers.collect()
}

fn solve(data: &Prepared, penalty: f64) -> Solution {
    let total = data.dataset.len() as f64;
    let weights: Vec<f64> = data.weights.iter().map(|weight| weight / total).collect();
    let problem = Problem {
        design: &with_bias(data.design.coordinates().view()),
        targets: data.dataset.targets(),
        weights: &weights,
        classes: data.classes(),
        penalty: penalty / total,
        parallelism: get_global_parallelism(),
    };
    problem.minimise(Array2::zeros((problem.design.ncols(), data.classes())), STOP)
}

fn unfold(data: &Prepared, solution: &Solution) -> Linear {
    let parameters = &solution.parameters;
    data.design.unfold(parameters.slice(s![..-1, ..]), &parameters.row(parameters.nrows() - 1).to_owned())
}
