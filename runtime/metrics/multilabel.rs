//! What several answers a sample are worth.

use ndarray::ArrayView2;

use super::ClassMetrics;

/// Precision, recall and F1 of each label: `[N,K]` of which label is there and which was said to be.
///
/// # Panics
/// When the shapes differ.
pub fn per_label(present: ArrayView2<bool>, said: ArrayView2<bool>) -> Vec<ClassMetrics> {
    assert_eq!(present.dim(), said.dim(), "one answer a label");
    let count = |pairs: &[(bool, bool)], wanted: (bool, bool)| pairs.iter().filter(|pair| **pair == wanted).count();
    let columns = present.columns().into_iter().zip(said.columns());
    let metrics = columns.map(|(present, said)| {
        let pairs: Vec<(bool, bool)> = present.iter().copied().zip(said.iter().copied()).collect();
        let (hits, missed, wrong) =
            (count(&pairs, (true, true)), count(&pairs, (true, false)), count(&pairs, (false, true)));
        let ratio = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        ClassMetrics {
            count: hits + missed,
            precision: ratio(hits, hits + wrong),
            recall: ratio(hits, hits + missed),
            f1: ratio(2 * hits, 2 * hits + missed + wrong),
        }
    });
    metrics.collect()
}

/// The share of samples of which every label is right; NaN when there is none.
pub fn exact_match(present: ArrayView2<bool>, said: ArrayView2<bool>) -> f64 {
    let rows = present.rows().into_iter().zip(said.rows());
    rows.filter(|(present, said)| present == said).count() as f64 / present.nrows() as f64
}

/// The binary cross-entropy of every sample, a mean over its labels, in nats. A probability of 0 counts as the smallest
/// positive `f32`.
pub fn binary_losses(probabilities: ArrayView2<f32>, present: ArrayView2<bool>) -> Vec<f64> {
    let loss = |(&probability, &present): (&f32, &bool)| {
        -f64::from(if present { probability } else { 1.0 - probability }.max(f32::MIN_POSITIVE)).ln()
    };
    let rows = probabilities.rows().into_iter().zip(present.rows());
    rows.map(|(row, present)| row.iter().zip(present).map(loss).sum::<f64>() / row.len() as f64).collect()
}

/// The mean of [`binary_losses`]; NaN when there is none.
pub fn binary_nll(probabilities: ArrayView2<f32>, present: ArrayView2<bool>) -> f64 {
    let losses = binary_losses(probabilities, present);
    losses.iter().sum::<f64>() / losses.len() as f64
}

/// The probability from which on a label is said to be there, so that its F1 is highest; one half when it never is.
///
/// Source: Lipton, Elkan, Naryanaswamy, "Optimal Thresholding of Classifiers to Maximize F1 Measure", 2014.
pub fn best_threshold(probabilities: &[f32], present: &[bool]) -> f32 {
    let mut ranked: Vec<(f32, bool)> = probabilities.iter().copied().zip(present.iter().copied()).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let total = present.iter().filter(|present| **present).count();
    let (mut hits, mut best) = (0, (0.0, 0.5));
    for (index, (probability, present)) in ranked.iter().enumerate() {
        hits += usize::from(*present);
        let below = ranked.get(index + 1).map_or(0.0, |next| next.0);
        let f1 = 2.0 * hits as f64 / (index + 1 + total) as f64;
        if below < *probability && f1 > best.0 {
            best = (f1, (probability + below) / 2.0);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn each_label_is_measured_by_itself() {
        let present = array![[true, false], [true, false], [false, true], [false, false]];
        let said = array![[true, false], [false, false], [true, true], [false, false]];
        let metrics = per_label(present.view(), said.view());
        assert_eq!(metrics[0], ClassMetrics { count: 2, precision: 0.5, recall: 0.5, f1: 0.5 });
        assert_eq!(metrics[1], ClassMetrics { count: 1, precision: 1.0, recall: 1.0, f1: 1.0 });
        assert_eq!(exact_match(present.view(), said.view()), 0.5);
    }

    #[test]
    fn the_threshold_is_where_f1_is_highest() {
        // Taking the first three: 2 hits of 3, 2 there: F1 0.8; the first alone: 0.67; all four: 0.67.
        let threshold = best_threshold(&[0.9, 0.8, 0.3, 0.1], &[true, false, true, false]);
        assert!((threshold - 0.2).abs() < 1e-6);
        assert_eq!(best_threshold(&[0.9, 0.1], &[false, false]), 0.5);
        assert_eq!(best_threshold(&[0.4, 0.4], &[true, false]), 0.2);
    }

    #[test]
    fn one_half_loses_the_logarithm_of_two() {
        let loss = binary_nll(array![[0.5, 0.5]].view(), array![[true, false]].view());
        assert!((loss - 2f64.ln()).abs() < 1e-9);
        assert!(binary_nll(array![[0.0f32]].view(), array![[true]].view()).is_finite());
    }
}
