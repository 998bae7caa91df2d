//! Saying "none of these": how far a picture is from the class it is taken for, and how faint the head's answer is.

mod means;
mod neighbours;

use std::borrow::Cow;

use ndarray::{ArrayView1, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

pub use means::ClassMeans;
pub use neighbours::NeighbourBank;

use crate::labels::ClassIndex;
use crate::metrics::{auroc, best_class};

/// How the distance of a picture to a class is measured.
#[derive(Clone, PartialEq, Debug)]
pub enum Distance {
    Neighbours(NeighbourBank),
    Means(ClassMeans),
}

/// The forms of [`Distance`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DistanceKind {
    /// To the nearest samples of the class, by cosine.
    Neighbours,
    /// To the mean of the class, in deviations of each channel.
    Means,
}

impl DistanceKind {
    pub const ALL: [Self; 2] = [Self::Neighbours, Self::Means];
}

/// Some of the rows of features, each of a class.
pub struct Samples<'a> {
    /// `[N,C]`
    pub features: ArrayView2<'a, f32>,
    /// N
    pub targets: &'a [ClassIndex],
    pub rows: Cow<'a, [usize]>,
}

impl<'a> Samples<'a> {
    /// # Shapes
    /// `features` `[N,C]`, `targets` N.
    pub fn all(features: ArrayView2<'a, f32>, targets: &'a [ClassIndex]) -> Self {
        Self { features, targets, rows: (0..targets.len()).collect::<Vec<_>>().into() }
    }

    fn iter(&self) -> impl Iterator<Item = (ArrayView1<'_, f32>, ClassIndex)> {
        self.rows.iter().map(|&row| (self.features.row(row), self.targets[row]))
    }
}

impl Distance {
    /// Of `samples`, each of one of `classes`.
    pub fn new(kind: DistanceKind, samples: &Samples, classes: usize) -> Self {
        match kind {
            DistanceKind::Neighbours => Self::Neighbours(NeighbourBank::new(samples, classes)),
            DistanceKind::Means => Self::Means(ClassMeans::new(samples, classes)),
        }
    }

    pub fn kind(&self) -> DistanceKind {
        match self {
            Self::Neighbours(_) => DistanceKind::Neighbours,
            Self::Means(_) => DistanceKind::Means,
        }
    }

    /// K and C.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::Neighbours(bank) => (bank.counts().len(), bank.directions().ncols()),
            Self::Means(means) => means.means().dim(),
        }
    }

    fn to_class(&self, feature: ArrayView1<f32>, class: ClassIndex) -> f32 {
        match self {
            Self::Neighbours(bank) => bank.distance(feature, class),
            Self::Means(means) => means.distance(feature, class),
        }
    }
}

/// Where a number usually lies.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct UsualRange {
    pub mean: f32,
    pub deviation: f32,
}

impl UsualRange {
    fn of(values: &[f32]) -> Self {
        let mean = values.iter().copied().map(f64::from).sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
        let deviation = (squares / values.len() as f64).sqrt() as f32;
        Self { mean: mean as f32, deviation: if deviation > 0.0 { deviation } else { 1.0 } }
    }

    fn deviations(self, value: f32) -> f32 {
        (value - self.mean) / self.deviation
    }
}

/// Calls a picture unknown when its distance to the class it is taken for and the faintness of the highest logit,
/// each in deviations from what known pictures have, add up to more than a threshold.
#[derive(Clone, PartialEq, Debug)]
pub struct UnknownRule {
    pub(in crate::head) distance: Distance,
    pub(in crate::head) usual_distance: UsualRange,
    pub(in crate::head) usual_logit: UsualRange,
    pub threshold: f32,
    /// The share of known pictures that the threshold was set to refuse.
    pub false_reject: f64,
}

/// What is measured of each sample before it is scored.
#[derive(Clone, Default)]
pub struct Evidence {
    distances: Vec<f32>,
    logits: Vec<f32>,
}

impl Evidence {
    /// # Shapes
    /// `features` `[N,C]`, `logits` `[N,K]`.
    pub fn gather(distance: &Distance, features: ArrayView2<f32>, logits: ArrayView2<f32>) -> Self {
        let mut evidence = Self::default();
        for (feature, row) in features.axis_iter(Axis(0)).zip(logits.axis_iter(Axis(0))) {
            evidence.add(distance, feature, row);
        }
        evidence
    }

    /// Adds a sample with its logits.
    pub fn add(&mut self, distance: &Distance, feature: ArrayView1<f32>, logits: ArrayView1<f32>) {
        let class = best_class(logits);
        self.distances.push(distance.to_class(feature, class));
        self.logits.push(logits[class.0]);
    }

    /// Adds the samples of `other`.
    pub fn extend(&mut self, other: Self) {
        self.distances.extend(other.distances);
        self.logits.extend(other.logits);
    }
}

/// Held-out samples that a threshold takes at least.
const ENOUGH: usize = 8;

impl UnknownRule {
    /// Sets the threshold so that `false_reject` of known samples are refused, given what a head and a distance that had
    /// not seen them say about each. `None` when fewer than eight are known: the largest of so few scores says nothing
    /// of those to come.
    pub fn fit(distance: Distance, out_of_fold: &Evidence, false_reject: f64) -> Option<Self> {
        if out_of_fold.distances.len() < ENOUGH {
            return None;
        }
        let (usual_distance, usual_logit) =
            (UsualRange::of(&out_of_fold.distances), UsualRange::of(&out_of_fold.logits));
        let mut rule = Self { distance, usual_distance, usual_logit, threshold: f32::INFINITY, false_reject };
        let mut scores = rule.scores_of(out_of_fold);
        scores.sort_by(f32::total_cmp);
        // One more than the share, so that it holds for the next sample as well (split conformal prediction).
        let rank = ((scores.len() + 1) as f64 * (1.0 - false_reject)).ceil() as usize;
        rule.threshold = scores[rank.clamp(1, scores.len()) - 1];
        Some(rule)
    }

    /// How strange each sample is; above the threshold it is unknown.
    ///
    /// # Shapes
    /// `features` `[N,C]`, `logits` `[N,K]`, not calibrated.
    pub fn scores(&self, features: ArrayView2<f32>, logits: ArrayView2<f32>) -> Vec<f32> {
        self.scores_of(&Evidence::gather(&self.distance, features, logits))
    }

    /// The chance that a sample of `strange` scores above one of `known`.
    pub fn auroc(&self, strange: &Evidence, known: &Evidence) -> f64 {
        auroc(&self.scores_of(strange), &self.scores_of(known))
    }

    fn scores_of(&self, evidence: &Evidence) -> Vec<f32> {
        let pairs = evidence.distances.iter().zip(&evidence.logits);
        pairs.map(|(&far, &loud)| self.usual_distance.deviations(far) - self.usual_logit.deviations(loud)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn distance() -> Distance {
        Distance::new(DistanceKind::Means, &Samples::all(array![[1., 0.]].view(), &[ClassIndex(0)]), 1)
    }

    fn evidence(count: usize) -> Evidence {
        Evidence { distances: (0..count).map(|index| index as f32).collect(), logits: vec![0.0; count] }
    }

    #[test]
    fn the_threshold_refuses_the_stated_share() {
        let rule = UnknownRule::fit(distance(), &evidence(100), 0.1).unwrap();
        let refused = rule.scores_of(&evidence(100)).into_iter().filter(|&score| score > rule.threshold).count();
        assert_eq!(refused, 9);
    }

    #[test]
    fn what_is_farther_and_fainter_is_stranger() {
        let rule = UnknownRule::fit(distance(), &evidence(100), 0.1).unwrap();
        let far = Evidence { distances: vec![200.0; 3], logits: vec![0.0; 3] };
        let faint = Evidence { distances: vec![50.0; 3], logits: vec![-200.0; 3] };
        assert_eq!(rule.auroc(&far, &evidence(100)), 1.0);
        assert_eq!(rule.auroc(&faint, &evidence(100)), 1.0);
    }

    #[test]
    fn without_out_of_fold_samples_there_is_no_rule() {
        assert!(UnknownRule::fit(distance(), &Evidence::default(), 0.1).is_none());
    }
}
