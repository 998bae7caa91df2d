//! Ridge regression: penalties compared by leaving out each group, exactly.

use edgetl_algebra::Real;
use ndarray::Array2;

use super::{Prepared, Recipe, Trial};
use crate::dataset::Dataset;
use crate::head::error::FitError;
use crate::head::models::{Head, Linear, LinearKind};
use crate::head::options::FitOptions;
use crate::head::solve::ridge::{RidgeData, RidgePath, solve};

/// scikit-learn's `alpha`, on standardised features.
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
    if penalties.is_empty() {
        return Err(FitError::NoPenalty);
    }
    let options = FitOptions { penalties: Some(penalties.to_vec()), ..FitOptions::default() };
    let data = Prepared::new(dataset, &options)?;
    let targets = data.rules().least_squares_targets(&data.dataset);
    let Compared { penalty, errors, .. } = compared(&targets, &data, false)?;
    Ok(RidgeFit { linear: layer(penalty, &targets, &data)?, penalty, errors })
}

pub fn trial(data: &Prepared) -> Result<Trial, FitError> {
    let targets = data.rules().least_squares_targets(&data.dataset);
    let Compared { penalty, answers, .. } = compared(&targets, data, true)?;
    Ok(Trial { recipe: Recipe::Ridge { penalty }, outputs: data.rules().in_units(data.split.held_out(&answers)) })
}

pub fn refit(penalty: f64, data: &Prepared) -> Result<Head, FitError> {
    let linear = layer(penalty, &data.rules().least_squares_targets(&data.dataset), data)?;
    Ok(Head::Linear { fitted_by: LinearKind::Ridge, linear: data.rules().layer_in_units(linear) })
}

fn layer(penalty: f64, targets: &Array2<f32>, data: &Prepared) -> Result<Linear, FitError> {
    let (weights, intercept) = if is_large(data) {
        solve::<f32>(&ridge_data(targets, data), penalty)
    } else {
        solve::<f64>(&ridge_data(targets, data), penalty)
    }
    .map_err(|_| FitError::Decomposition)?;
    Ok(data.design.unfold(weights.view(), &intercept))
}

/// The best penalty and, where asked for, what it answers out of fold.
struct Compared {
    penalty: f64,
    errors: Vec<(f64, f64)>,
    /// `[N,K]`; empty where not asked for.
    answers: Array2<f32>,
}

fn compared(targets: &Array2<f32>, data: &Prepared, answer: bool) -> Result<Compared, FitError> {
    match is_large(data) {
        true => compared_in::<f32>(targets, data, answer),
        false => compared_in::<f64>(targets, data, answer),
    }
}

fn compared_in<T: Real>(targets: &Array2<f32>, data: &Prepared, answer: bool) -> Result<Compared, FitError> {
    let path = RidgePath::<T>::new(&ridge_data(targets, data)).map_err(|_| FitError::Decomposition)?;
    let penalties = data.penalties(&PENALTIES);
    let groups = data.rules().single_groups(&data.dataset);
    let total = data.split.measured.iter().map(|&row| data.weights[row]).sum::<f64>() * targets.ncols() as f64;
    let error = |&penalty: &f64| path.squares_without(penalty, groups.iter(), &data.split.measured) / total;
    let errors: Vec<f64> = penalties.iter().map(error).collect();
    let penalty = penalties[data.best_penalty(&penalties, &errors)];
    let answers =
        if answer { path.predictions_without(penalty, data.split.folds.iter()) } else { Array2::zeros((0, 0)) };
    Ok(Compared { penalty, errors: penalties.into_iter().zip(errors).collect(), answers })
}

fn is_large(data: &Prepared) -> bool {
    let (samples, rank) = data.design.coordinates().dim();
    samples.saturating_mul(rank * rank) > DOUBLE_PRECISION_WORK
}

fn ridge_data<'a>(targets: &'a Array2<f32>, data: &'a Prepared) -> RidgeData<'a> {
    RidgeData {
        coordinates: data.design.coordinates().view(),
        targets: targets.view(),
        weights: &data.weights,
        orthogonal: data.design.is_orthogonal(),
    }
}
