//! What the answers out of fold are worth.

use ndarray::Array2;

use super::Temperature;
use super::answers::Answers;
use super::candidates::Prepared;
use super::report::{ClassReport, CrossValidation, rounded};
use crate::labels::Label;
use crate::metrics::{self, ClassMetrics, Confusion};

/// The out-of-fold answers of the head that was chosen.
pub struct OutOfFold<'a> {
    data: &'a Prepared<'a>,
    logits: &'a Array2<f32>,
    probabilities: Array2<f32>,
    confusion: Confusion,
}

impl<'a> OutOfFold<'a> {
    /// `logits` `[M,K]`, of the measured rows.
    pub fn new(data: &'a Prepared, logits: &'a Array2<f32>, temperature: Temperature) -> Self {
        let probabilities = temperature.probabilities(logits.clone());
        let predicted = metrics::best_classes(logits.view());
        let confusion = Confusion::new(data.dataset.labels().len(), &data.truth, &predicted);
        Self { data, logits, probabilities, confusion }
    }

    pub fn into_answers(self) -> Answers {
        let ids = self.data.measured.iter().map(|&row| self.data.dataset.ids()[row]).collect();
        let (labels, truth) = (self.data.dataset.labels().clone(), self.data.truth.clone());
        Answers { labels, ids, truth, probabilities: self.probabilities }
    }

    pub fn summary(&self) -> CrossValidation {
        let truth = &self.data.truth;
        if truth.is_empty() {
            return CrossValidation::default();
        }
        let uncalibrated = Temperature::NEUTRAL.probabilities(self.logits.clone());
        CrossValidation {
            folds: self.data.folds.count(),
            samples: truth.len(),
            accuracy: Some(rounded(self.confusion.accuracy())),
            macro_f1: Some(rounded(self.confusion.macro_f1())),
            nll: Some(rounded(metrics::nll(self.probabilities.view(), truth))),
            ece: Some(rounded(metrics::ece(self.probabilities.view(), truth))),
            ece_uncalibrated: Some(rounded(metrics::ece(uncalibrated.view(), truth))),
        }
    }

    pub fn per_class(&self) -> Vec<ClassReport> {
        let counts = self.data.dataset.picture_counts();
        let classes = self.data.dataset.labels().iter().zip(counts).zip(self.confusion.per_class());
        let report = |((label, count), metrics): ((&Label, usize), ClassMetrics)| {
            let measured = |value| (metrics.count > 0).then(|| rounded(value));
            let (precision, recall, f1) = (measured(metrics.precision), measured(metrics.recall), measured(metrics.f1));
            ClassReport { label: label.clone(), count, precision, recall, f1 }
        };
        classes.map(report).collect()
    }
}
