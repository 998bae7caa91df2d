//! What predicted numbers are worth.

use serde::{Deserialize, Serialize};

/// How far predictions are from the truth, in the unit of the labels.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct RegressionMetrics {
    /// The mean of the absolute errors.
    pub mae: f64,
    /// The root of the mean of the squared errors.
    pub rmse: f64,
    /// The share of the variance that is explained; 0 for always predicting the mean, 0 as well when there is none.
    pub r2: f64,
}

/// `None` when there is nothing to measure.
///
/// # Panics
/// When the lengths differ.
///
/// Source: scikit-learn's `r2_score`.
pub fn regression(predicted: &[f64], truth: &[f64]) -> Option<RegressionMetrics> {
    assert_eq!(predicted.len(), truth.len(), "one prediction a sample");
    let count = truth.len() as f64;
    let gaps = || predicted.iter().zip(truth).map(|(predicted, truth)| predicted - truth);
    let squares: f64 = gaps().map(|gap| gap * gap).sum();
    let mean = truth.iter().sum::<f64>() / count;
    let spread: f64 = truth.iter().map(|value| (value - mean).powi(2)).sum();
    (!truth.is_empty()).then(|| RegressionMetrics {
        mae: gaps().map(f64::abs).sum::<f64>() / count,
        rmse: (squares / count).sqrt(),
        r2: if spread > 0.0 { 1.0 - squares / spread } else { 0.0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_measured_in_the_unit_of_the_labels() {
        let metrics = regression(&[2.5, 0.0, 2.0, 8.0], &[3.0, -0.5, 2.0, 7.0]).unwrap();
        assert!((metrics.mae - 0.5).abs() < 1e-12);
        assert!((metrics.rmse - 0.375f64.sqrt()).abs() < 1e-12);
        assert!((metrics.r2 - 0.948_608_137).abs() < 1e-9, "scikit-learn's example");
    }

    #[test]
    fn the_mean_explains_nothing() {
        assert_eq!(regression(&[2.0, 2.0], &[1.0, 3.0]).unwrap().r2, 0.0);
        assert_eq!(regression(&[2.0], &[2.0]).unwrap().r2, 0.0);
        assert!(regression(&[], &[]).is_none());
    }
}
