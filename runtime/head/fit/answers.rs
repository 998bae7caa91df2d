//! The answers behind the held-out numbers of a report, sample by sample.

use ndarray::Array2;

use super::Prepared;
use crate::dataset::SampleId;
use crate::labels::{ClassIndex, Labels};
use crate::metrics::{TradeOff, accuracy, best_classes, precision_recall};

/// What heads that had not seen a sample's group said about it, for every sample that could be held out.
///
/// Parallel arrays: row i of every field is one sample. All are empty when nothing could be held out.
#[derive(Clone, PartialEq, Debug)]
pub struct Answers {
    pub labels: Labels,
    pub ids: Vec<SampleId>,
    pub truth: Vec<ClassIndex>,
    /// Numbers from 0, the same where samples are of one group.
    pub groups: Vec<u32>,
    /// `[M,K]`, calibrated.
    pub probabilities: Array2<f32>,
}

impl Answers {
    /// `probabilities` `[M,K]`, calibrated, of the measured rows of a classification.
    pub(super) fn new(data: &Prepared, probabilities: Array2<f32>) -> Self {
        let ids = data.split.measured.iter().map(|&row| data.dataset.ids()[row]).collect();
        let classes = data.classes();
        let (truth, groups) = (classes.truth.clone(), classes.groups.clone());
        Self { labels: data.dataset.labels().clone(), ids, truth, groups, probabilities }
    }

    /// Those of nothing that could be held out.
    pub fn none(labels: Labels) -> Self {
        let probabilities = Array2::zeros((0, labels.len()));
        Self { labels, ids: Vec::new(), truth: Vec::new(), groups: Vec::new(), probabilities }
    }

    /// The class of the highest probability, of every sample.
    pub fn predicted(&self) -> Vec<ClassIndex> {
        best_classes(self.probabilities.view())
    }

    /// The share that was named right; NaN when nothing could be held out.
    pub fn accuracy(&self) -> f64 {
        accuracy(self.probabilities.view(), &self.truth)
    }

    /// What thresholds on the probability of `class` give and take.
    pub fn precision_recall(&self, class: ClassIndex) -> Vec<TradeOff> {
        let own = self.probabilities.column(class.0);
        precision_recall(own.iter().zip(&self.truth).map(|(&probability, truth)| (probability, *truth == class)))
    }

    /// Whether each sample was named right.
    pub fn right(&self) -> Vec<bool> {
        self.predicted().iter().zip(&self.truth).map(|(predicted, truth)| predicted == truth).collect()
    }
}
