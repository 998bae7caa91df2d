//! Ridge regression: penalties compared by leaving out each group, exactly.

use edgetl_algebra::Real;
use ndarray::Array2;

use super::{Prepared, Recipe, Trial};
use crate::dataset::Dataset;
use crate::head::design::Coordinates as _;
use crate::head::error::FitError;
use crate::head::models::{Head, Linear, LinearKind};
use crate::head::options::FitOptions;
use crate::head::solve::ridge::{RidgePath, solve};
use crate::head::task::Together;

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
/// scikit-learn's `RidgeClassifierCV` on standardised features. Near-twins are not looked for.
///
/// # Errors
/// When there is no sample, or the decomposition does not converge.
pub fn ridge_regression(dataset: &Dataset, penalties: &[f64]) -> Result<RidgeFit, FitError> {
    if penalties.is_empty() {
        return Err(FitError::NoPenalty);
    }
    let options = FitOptions { penalties: Some(penalties.to_vec()), ..FitOptions::default() };
    let data = Prepared::keeping(Together::GroupsAlone, dataset, &options)?;
    let Compared { penalty, errors, .. } = compared(&data, false)?;
    Ok(RidgeFit { linear: layer(penalty, &data)?, penalty, errors })
}

pub fn trial(data: &Prepared) -> Result<Trial, FitError> {
    let Compared { penalty, answers, .. } = compared(data, true)?;
    Ok(Trial { recipe: Recipe::Ridge { penalty }, outputs: data.rules().in_units(data.split.held_out(&answers)) })
}

pub fn refit(penalty: f64, data: &Prepared) -> Result<Head, FitError> {
    let linear = layer(penalty, data)?;
    Ok(Head::Linear { fitted_by: LinearKind::Ridge, linear: data.rules().layer_in_units(linear) })
}

fn layer(penalty: f64, data: &Prepared) -> Result<Linear, FitError> {
    let (weights, intercept) = solve(&data.weighted_sums(), penalty).map_err(|_| FitError::Decomposition)?;
    Ok(data.design.unfold(weights.view(), &intercept))
}

/// The best penalty and, where asked for, what it answers out of fold.
struct Compared {
    penalty: f64,
    errors: Vec<(f64, f64)>,
    /// `[N,K]`; empty where not asked for.
    answers: Array2<f32>,
}

fn compared(data: &Prepared, answer: bool) -> Result<Compared, FitError> {
    let (samples, rank) = data.design.dim();
    match samples.saturating_mul(rank * rank) > DOUBLE_PRECISION_WORK {
        true => compared_in::<f32>(data, answer),
        false => compared_in::<f64>(data, answer),
    }
}

fn compared_in<T: Real>(data: &Prepared, answer: bool) -> Result<Compared, FitError> {
    let path: RidgePath<T> = match data.design.is_orthogonal() && data.is_even() {
        true => RidgePath::of_uncorrelated(data.weighted()),
        false => RidgePath::new(data.weighted(), data.weighted_sums()).map_err(|_| FitError::Decomposition)?,
    };
    let penalties = data.penalties(&PENALTIES);
    let groups = data.rules().single_groups(&data.dataset);
    let measured = data.split.measured.iter().map(|&row| data.weights[row]).sum::<f64>() * data.rules().width() as f64;
    let errors = path.squares_without(&penalties, groups.iter(), &data.split.measured);
    let errors: Vec<f64> = errors.into_iter().map(|squares| squares / measured).collect();
    let penalty = penalties[data.best_penalty(&penalties, &errors)];
    let answers =
        if answer { path.predictions_without(penalty, data.split.folds.iter()) } else { Array2::zeros((0, 0)) };
    Ok(Compared { penalty, errors: penalties.into_iter().zip(errors).collect(), answers })
}
