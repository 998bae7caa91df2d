//! What a classifier's answers are worth: pure functions of scores and targets.
//!
//! `scores` are `[N,K]`, one row a sample, one column a class; `targets` are the N true classes, each below K.

mod interval;
mod multilabel;
mod precision_recall;
mod regression;

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::labels::ClassIndex;

pub use interval::{wilson_interval, wilson_interval_of_share};
pub use multilabel::{best_threshold, binary_losses, binary_nll, exact_match, per_label};
pub use precision_recall::{TradeOff, precision_recall};
pub use regression::{RegressionMetrics, regression};

/// Precision, recall and F1 of one class; 0 where the denominator is.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// How many samples truly are of this class.
    pub count: usize,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

/// How often each class was taken for each. Of thousands of classes most are never taken for most others, so that only what
/// happened is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Confusion {
    /// By true class, then by predicted class; none is 0.
    pairs: BTreeMap<(usize, usize), usize>,
    /// Of each class, how often it is true, predicted, and both.
    truths: Vec<usize>,
    predictions: Vec<usize>,
    hits: Vec<usize>,
}

impl Confusion {
    /// # Panics
    /// When the lengths differ or a class is not below `classes`.
    pub fn new(classes: usize, targets: &[ClassIndex], predicted: &[ClassIndex]) -> Self {
        assert_eq!(targets.len(), predicted.len(), "one prediction a target");
        let [truths, predictions, hits] = [(); 3].map(|()| vec![0; classes]);
        let mut confusion = Self { pairs: BTreeMap::new(), truths, predictions, hits };
        for (target, predicted) in targets.iter().zip(predicted) {
            *confusion.pairs.entry((target.0, predicted.0)).or_default() += 1;
            confusion.truths[target.0] += 1;
            confusion.predictions[predicted.0] += 1;
            confusion.hits[target.0] += usize::from(target == predicted);
        }
        confusion
    }

    /// `[K,K]`, rows are true classes, columns are predicted ones.
    pub fn counts(&self) -> Array2<usize> {
        let mut counts = Array2::zeros((self.truths.len(), self.truths.len()));
        self.pairs().for_each(|(truth, predicted, count)| counts[[truth, predicted]] = count);
        counts
    }

    /// A true class, a predicted class, and how often both came together, where they did.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        self.pairs.iter().map(|(&(truth, predicted), &count)| (truth, predicted, count))
    }

    /// The share of samples that were named right; NaN when there is none.
    pub fn accuracy(&self) -> f64 {
        self.right() as f64 / self.truths.iter().sum::<usize>() as f64
    }

    /// The mean recall over the classes that occur as targets; NaN when there is none.
    pub fn balanced_accuracy(&self) -> f64 {
        let recalls: Vec<f64> =
            self.per_class().iter().filter(|class| class.count > 0).map(|class| class.recall).collect();
        recalls.iter().sum::<f64>() / recalls.len() as f64
    }

    /// How many samples were named right.
    pub fn right(&self) -> usize {
        self.hits.iter().sum()
    }

    /// One entry a class, in their order.
    pub fn per_class(&self) -> Vec<ClassMetrics> {
        (0..self.truths.len()).map(|class| self.class(class)).collect()
    }

    fn class(&self, class: usize) -> ClassMetrics {
        let ratio = |numerator: usize, denominator: usize| match denominator {
            0 => 0.0,
            _ => numerator as f64 / denominator as f64,
        };
        let (hits, count, predicted) = (self.hits[class], self.truths[class], self.predictions[class]);
        ClassMetrics {
            count,
            precision: ratio(hits, predicted),
            recall: ratio(hits, count),
            f1: ratio(2 * hits, count + predicted),
        }
    }

    /// The mean F1 over the classes that occur, as targets or as predictions; NaN when there is none.
    ///
    /// Source: scikit-learn's `f1_score(average="macro")`.
    pub fn macro_f1(&self) -> f64 {
        let occurs = |class: &usize| self.truths[*class] + self.predictions[*class] > 0;
        let f1: Vec<f64> = (0..self.truths.len()).filter(occurs).map(|class| self.class(class).f1).collect();
        f1.iter().sum::<f64>() / f1.len() as f64
    }
}

/// The class of the highest score; the first of equals.
///
/// # Panics
/// When `scores` is empty.
pub fn best_class(scores: ArrayView1<f32>) -> ClassIndex {
    assert!(!scores.is_empty(), "at least one class");
    let better = |best: usize, class: usize| if scores[class] > scores[best] { class } else { best };
    ClassIndex((1..scores.len()).fold(0, better))
}

/// [`best_class`] of every row.
pub fn best_classes(scores: ArrayView2<f32>) -> Vec<ClassIndex> {
    scores.rows().into_iter().map(best_class).collect()
}

/// The share of samples whose best class is the true one; NaN when there is none.
pub fn accuracy(scores: ArrayView2<f32>, targets: &[ClassIndex]) -> f64 {
    top_k_accuracy(scores, targets, 1)
}

/// The share of samples whose true class is among the `k` highest scores; of equal scores the earlier class ranks
/// higher. NaN when there is no sample.
pub fn top_k_accuracy(scores: ArrayView2<f32>, targets: &[ClassIndex], k: usize) -> f64 {
    assert_eq!(scores.nrows(), targets.len(), "one row of scores a target");
    let hits = scores.rows().into_iter().zip(targets).filter(|(row, target)| {
        let own = row[target.0];
        let ahead = |(class, &score): (usize, &f32)| score > own || (score == own && class < target.0);
        row.iter().enumerate().filter(|entry| ahead(*entry)).count() < k
    });
    hits.count() as f64 / targets.len() as f64
}

/// The mean negative logarithm of the true class's probability, in nats; NaN when there is no sample.
///
/// A probability of 0 counts as the smallest positive `f32`.
pub fn nll(probabilities: ArrayView2<f32>, targets: &[ClassIndex]) -> f64 {
    assert_eq!(probabilities.nrows(), targets.len(), "one row of probabilities a target");
    let loss = |(row, target): (ArrayView1<f32>, &ClassIndex)| -f64::from(row[target.0].max(f32::MIN_POSITIVE)).ln();
    probabilities.rows().into_iter().zip(targets).map(loss).sum::<f64>() / targets.len() as f64
}

/// One bin of a calibration plot.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CalibrationBin {
    pub count: usize,
    /// The mean of the highest probability.
    pub confidence: f64,
    pub accuracy: f64,
}

/// The bin of a highest probability. Bins are open on the left: (0, 1/M], (1/M, 2/M], …
pub fn calibration_bin(confidence: f64, bins: usize) -> usize {
    ((confidence * bins as f64).ceil() as usize).clamp(1, bins) - 1
}

/// How confidence and accuracy go together, in `bins` bins of equal width over the highest probability.
pub fn calibration_bins(probabilities: ArrayView2<f32>, targets: &[ClassIndex], bins: usize) -> Vec<CalibrationBin> {
    assert_eq!(probabilities.nrows(), targets.len(), "one row of probabilities a target");
    let mut filled = vec![CalibrationBin::default(); bins];
    for (row, target) in probabilities.rows().into_iter().zip(targets) {
        let best = best_class(row);
        let confidence = f64::from(row[best.0]);
        let bin = &mut filled[calibration_bin(confidence, bins)];
        bin.count += 1;
        bin.confidence += confidence;
        bin.accuracy += f64::from(u8::from(best == *target));
    }
    for bin in filled.iter_mut().filter(|bin| bin.count > 0) {
        bin.confidence /= bin.count as f64;
        bin.accuracy /= bin.count as f64;
    }
    filled
}

/// The expected calibration error over 15 bins: the mean of |accuracy - confidence|, weighted by count; NaN when
/// there is no sample.
///
/// Source: Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 3.
pub fn ece(probabilities: ArrayView2<f32>, targets: &[ClassIndex]) -> f64 {
    let bins = calibration_bins(probabilities, targets, 15);
    bins.iter().map(|bin| bin.count as f64 * (bin.accuracy - bin.confidence).abs()).sum::<f64>() / targets.len() as f64
}

/// The chance that a positive's score is above a negative's, equal scores counting half; NaN when either is missing.
///
/// Source: the Mann-Whitney U statistic over both counts.
pub fn auroc(positives: &[f32], negatives: &[f32]) -> f64 {
    let mut ranked: Vec<(f32, bool)> = positives.iter().map(|&score| (score, true)).collect();
    ranked.extend(negatives.iter().map(|&score| (score, false)));
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut below = 0;
    let mut wins = 0.0;
    for equal in ranked.chunk_by(|a, b| a.0 == b.0) {
        let positive = equal.iter().filter(|(_, positive)| *positive).count();
        let negative = equal.len() - positive;
        wins += positive as f64 * (below as f64 + negative as f64 / 2.0);
        below += negative;
    }
    wins / (positives.len() as f64 * negatives.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn classes(indices: &[usize]) -> Vec<ClassIndex> {
        indices.iter().copied().map(ClassIndex).collect()
    }

    #[test]
    fn the_confusion_matrix_gives_precision_recall_and_f1() {
        let confusion = Confusion::new(3, &classes(&[0, 0, 0, 1, 1, 2]), &classes(&[0, 0, 1, 1, 2, 1]));
        assert_eq!(confusion.counts(), array![[2, 1, 0], [0, 1, 1], [0, 1, 0]]);
        assert_eq!(confusion.accuracy(), 0.5);
        let first = ClassMetrics { count: 3, precision: 1.0, recall: 2.0 / 3.0, f1: 0.8 };
        let second = ClassMetrics { count: 2, precision: 1.0 / 3.0, recall: 0.5, f1: 0.4 };
        let third = ClassMetrics { count: 1, precision: 0.0, recall: 0.0, f1: 0.0 };
        assert_eq!(confusion.per_class(), [first, second, third]);
        assert!((confusion.macro_f1() - 0.4).abs() < 1e-12);
        assert!((confusion.balanced_accuracy() - (2.0 / 3.0 + 0.5) / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_class_that_never_occurs_does_not_lower_the_macro_f1() {
        assert_eq!(Confusion::new(3, &classes(&[0, 1]), &classes(&[0, 1])).macro_f1(), 1.0);
    }

    #[test]
    fn top_k_accuracy_counts_the_scores_ahead_of_the_true_class() {
        let scores = array![[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]];
        let targets = classes(&[2, 2, 1]);
        assert_eq!(accuracy(scores.view(), &targets), 0.0);
        assert_eq!(top_k_accuracy(scores.view(), &targets, 2), 2.0 / 3.0);
        assert_eq!(top_k_accuracy(scores.view(), &targets, 3), 1.0);
    }

    #[test]
    fn uniform_probabilities_over_ten_classes_lose_the_logarithm_of_ten() {
        let uniform = Array2::from_elem((4, 10), 0.1);
        assert!((nll(uniform.view(), &classes(&[0, 3, 5, 9])) - 10f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn a_true_class_of_probability_zero_loses_much_but_not_everything() {
        assert!(nll(array![[1.0, 0.0]].view(), &classes(&[1])).is_finite());
    }

    #[test]
    fn the_calibration_error_is_the_weighted_gap_between_confidence_and_accuracy() {
        // Three samples at 0.9, two of them right; one at 0.6, right.
        let probabilities = array![[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4]];
        let expected = 0.75 * (0.9 - 2.0 / 3.0) + 0.25 * 0.4;
        assert!((ece(probabilities.view(), &classes(&[0, 0, 1, 0])) - expected).abs() < 1e-6);
    }

    #[test]
    fn auroc_is_the_chance_of_ranking_a_positive_above_a_negative() {
        assert_eq!(auroc(&[3.0, 4.0], &[1.0, 2.0]), 1.0);
        assert_eq!(auroc(&[1.0, 2.0], &[3.0, 4.0]), 0.0);
        assert_eq!(auroc(&[2.0], &[2.0, 2.0]), 0.5);
        assert_eq!(auroc(&[3.0, 1.0], &[2.0, 0.0]), 0.75);
    }

    #[test]
    fn nothing_to_measure_is_not_a_number() {
        let none = Array2::zeros((0, 3));
        assert!(accuracy(none.view(), &[]).is_nan());
        assert!(nll(none.view(), &[]).is_nan());
        assert!(ece(none.view(), &[]).is_nan());
        assert!(auroc(&[], &[1.0]).is_nan());
    }
}
