//! Linear discriminants from sums over the samples of each class.

use edgetl_algebra::{LltError, solve_positive};
use ndarray::{Array1, Array2};

/// What [`discriminants`] needs to know besides the sums.
pub struct Shape {
    /// How many dimensions the features have; coordinates in their span have fewer.
    pub dim: usize,
    /// Whether all classes are taken to be equally probable.
    pub balance: bool,
}

/// Weights `[r,K]` and biases of Gaussian classes that share a covariance.
///
/// # Shapes
/// `within` `[r,r]` sums of squares around the class means, `means` `[K,r]`, `counts` K.
pub fn discriminants(
    within: Array2<f64>,
    means: &Array2<f64>,
    counts: &Array1<f64>,
    shape: &Shape,
) -> Result<(Array2<f64>, Array1<f64>), LltError> {
    let total = counts.sum();
    let mut covariance = within;
    covariance /= total;
    let shrinkage = shrinkage(&covariance, total, shape.dim);
    let level = covariance.diag().sum() / shape.dim as f64;
    covariance *= 1.0 - shrinkage;
    covariance.diag_mut().mapv_inplace(|entry| entry + shrinkage * level);
    let weights = solve_positive(covariance.view(), means.t())?;
    let prior = |count: f64| if shape.balance { 0.0 } else { (count / total).max(1e-12).ln() };
    let bias = Array1::from_shape_fn(counts.len(), |class| {
        prior(counts[class]) - 0.5 * means.row(class).dot(&weights.column(class))
    });
    Ok((weights, bias))
}

/// How much of a covariance is replaced by its mean variance: the oracle approximating shrinkage, which needs no more
/// than the covariance itself.
///
/// Source: Chen, Wiesel, Eldar, Hero, "Shrinkage Algorithms for MMSE Covariance Estimation", 2010, equation 23, as
/// scikit-learn's `oas` computes it.
fn shrinkage(covariance: &Array2<f64>, samples: f64, dim: usize) -> f64 {
    let dim = dim as f64;
    let squares = covariance.iter().map(|entry| entry * entry).sum::<f64>() / (dim * dim);
    let level = covariance.diag().sum() / dim;
    let denominator = (samples + 1.0) * (squares - level * level / dim);
    if denominator > 0.0 { ((squares + level * level) / denominator).min(1.0) } else { 1.0 }
}
