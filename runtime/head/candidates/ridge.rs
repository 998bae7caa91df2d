//! Ridge regression: penalties compared by leaving out each group, exactly.

use std::rc::Rc;

use ndarray::{Array1, Array2};

use super::{Prepared, Trial};
use crate::dataset::Dataset;
use crate::head::fit::FitError;
use crate::head::folds::Folds;
use crate::head::ridge::{RidgeData, RidgePath, one_against_rest};
use crate::head::{FitOptions, Head, HeadKind, Linear};
use edgetl_algebra::Real;

/// scikit-learn's `alpha`.
const PENALTIES: [f64; 5] = [1e5, 1e4, 1e3, 1e2, 1e1];
/// Above this many multiplications the decomposition is in single precision.
const DOUBLE_PRECISION_WORK: usize = 2_000_000_000;

/// A ridge regression of the best of several penalties.
#[derive(Clone, Debug)]
pub struct RidgeFit {
    pub linear: Linear,
    pub penalty: f64,
    /// Penalties, descending, with the mean squared error when each group is left out; NaN when none can be.
    pub errors: Vec<(f64, f64)>,
}

/// Fits the penalty of least leave-one-out error (leave-one-group-out where groups are larger), without calibration:
/// scikit-learn's `RidgeClassifierCV` on standardised features.
///
/// # Errors
/// When there is no sample, or the decomposition does not converge.
pub fn ridge_regression(dataset: &Dataset, penalties: &[f64]) -> Result<RidgeFit, FitError> {
    if dataset.is_empty() || dataset.dim() == 0 {
        return Err(FitError::NoSamples);
    }
    if penalties.is_empty() {
        return Err(FitError::NoPenalty);
    }
    let options = FitOptions { penalties: Some(penalties.to_vec()), ..FitOptions::default() };
    Ok(with_path(&Prepared::new(dataset, &options)?, &Choose))
}

pub fn trial(data: &Prepared) -> Trial {
    let (RidgeFit { linear, penalty, .. }, logits) = with_path(data, &Answer);
    let refit = move |_: &Prepared| Head::Ridge(linear.clone()).into();
    Trial { kind: HeadKind::Ridge, penalty: Some(penalty), logits, refit: Rc::new(refit) }
}

/// What is done with a [`RidgePath`], whichever its precision.
trait Task {
    type Output;
    fn run<T: Real>(&self, path: &RidgePath<T>, data: &Prepared) -> Self::Output;
}

fn with_path<W: Task>(data: &Prepared, task: &W) -> W::Output {
    let coordinates = data.design.coordinates();
    let targets = one_against_rest(data.dataset.targets(), data.classes());
    let (weights, orthogonal) = (data.weights.as_slice(), data.design.is_orthogonal());
    let (samples, rank) = coordinates.dim();
    if samples.saturating_mul(rank * rank) > DOUBLE_PRECISION_WORK {
        let parts = RidgeData { coordinates: coordinates.view(), targets: targets.view(), weights, orthogonal };
        task.run(&RidgePath::new(&parts), data)
    } else {
        let (coordinates, targets) = (coordinates.mapv(f64::from), targets.mapv(f64::from));
        let parts = RidgeData { coordinates: coordinates.view(), targets: targets.view(), weights, orthogonal };
        task.run(&RidgePath::new(&parts), data)
    }
}

struct Choose;

impl Task for Choose {
    type Output = RidgeFit;

    fn run<T: Real>(&self, path: &RidgePath<T>, data: &Prepared) -> RidgeFit {
        let groups = Folds::of_groups(data.dataset);
        let penalties = data.penalties(&PENALTIES);
        let total = data.measured.iter().map(|&row| data.weights[row]).sum::<f64>() * data.classes() as f64;
        let squares = path.squares_without(&penalties, groups.iter(), &data.measured);
        let errors: Vec<_> = penalties.into_iter().zip(squares.into_iter().map(|square| square / total)).collect();
        let penalty = match groups.count() {
            0 => errors[errors.len() / 2].0,
            _ => errors.iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("options hold at least one penalty").0,
        };
        let (weights, intercept) = path.solve(penalty);
        let intercept: Array1<f32> = intercept.mapv(|value| value.into() as f32);
        let linear = data.design.unfold(weights.mapv(|value| value.into() as f32).view(), &intercept);
        RidgeFit { linear, penalty, errors }
    }
}

/// [`Choose`], and the answers out of fold with what it chose.
struct Answer;

impl Task for Answer {
    type Output = (RidgeFit, Array2<f32>);

    fn run<T: Real>(&self, path: &RidgePath<T>, data: &Prepared) -> (RidgeFit, Array2<f32>) {
        let fit = Choose.run(path, data);
        let logits = data.held_out(&path.predictions_without(fit.penalty, data.folds.iter()));
        (fit, logits)
    }
}
