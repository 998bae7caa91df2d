//! A label names the one class of a picture.

use std::borrow::Cow;

use ndarray::{Array1, Array2, Axis};

use super::{Decision, Measures, TaskRules, TrainingGoal};
use crate::dataset::Dataset;
use crate::head::calibration::Temperature;
use crate::head::error::FitError;
use crate::head::folds::{Folds, Split};
use crate::head::models::{HeadKind, Outputs, Task};
use crate::head::report::{ClassReport, ClassesReport, CrossValidation, Share, TaskReport, rounded};
use crate::head::solve::perceptron::{Loss, one_hot};
use crate::head::solve::ridge::one_against_rest;
use crate::labels::{ClassIndex, Label, Labels};
use crate::metrics::{self, ClassMetrics, Confusion};

/// Classes of a dataset that has samples of each.
#[derive(Clone)]
pub struct Classes {
    /// The true classes of the measured rows.
    pub truth: Vec<ClassIndex>,
    /// The groups of the measured rows, as numbers from 0.
    pub groups: Vec<u32>,
    count: usize,
    balance: bool,
}

impl Classes {
    pub fn new(dataset: &Dataset, split: &Split, balance: bool) -> Self {
        let truth = split.measured.iter().map(|&row| dataset.targets()[row]).collect();
        Self { truth, groups: split.groups(dataset), count: dataset.labels().len(), balance }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// The mean loss of out-of-fold logits after calibration; NaN when nothing was held out.
    pub fn loss(&self, logits: &Array2<f32>) -> f64 {
        let temperature = Temperature::fit(logits.view(), &self.truth);
        metrics::nll(temperature.probabilities(logits.clone()).view(), &self.truth)
    }
}

/// The dataset without labels that no sample has.
///
/// # Errors
/// When there are not two classes, or no channel.
pub fn with_present_classes(dataset: &Dataset) -> Result<Cow<'_, Dataset>, FitError> {
    let counts = dataset.class_counts();
    let present: Vec<usize> = (0..counts.len()).filter(|&class| counts[class] > 0).collect();
    let label = |class: usize| dataset.labels().as_slice()[class].clone();
    match present.as_slice() {
        [] => return Err(FitError::NoSamples),
        [only] => return Err(FitError::OneClass(label(*only))),
        _ if dataset.dim() == 0 => return Err(FitError::NoChannels),
        all if all.len() == counts.len() => return Ok(Cow::Borrowed(dataset)),
        _ => {}
    }
    let position = |target: &ClassIndex| ClassIndex(present.binary_search(&target.0).expect("its count is not 0"));
    let targets = dataset.targets().iter().map(position).collect();
    let labels = Labels::new(present.iter().map(|&class| label(class)).collect()).expect("a part of distinct labels");
    Ok(Cow::Owned(dataset.clone().with_classes(targets, labels).expect("made from a dataset")))
}

/// All 1, or for each class the same total.
pub fn sample_weights(dataset: &Dataset, balance: bool) -> Vec<f64> {
    let counts = dataset.class_counts();
    let share = dataset.len() as f64 / counts.len() as f64;
    let weight = |target: &ClassIndex| if balance { share / counts[target.0] as f64 } else { 1.0 };
    dataset.targets().iter().map(weight).collect()
}

impl TaskRules for Classes {
    fn task(&self) -> Task {
        Task::Classification
    }

    fn kinds(&self) -> &'static [HeadKind] {
        &HeadKind::ALL
    }

    fn width(&self) -> usize {
        self.count
    }

    fn losses(&self, logits: &Array2<f32>) -> Vec<f64> {
        let temperature = Temperature::fit(logits.view(), &self.truth);
        let probabilities = temperature.probabilities(logits.clone());
        let rows = probabilities.rows().into_iter().zip(&self.truth);
        rows.map(|(row, target)| -f64::from(row[target.0].max(f32::MIN_POSITIVE)).ln()).collect()
    }

    fn measures(&self, logits: &Array2<f32>, _: &Split) -> Measures {
        if self.truth.is_empty() {
            return Measures::default();
        }
        Measures {
            accuracy: Some(rounded(metrics::accuracy(logits.view(), &self.truth))),
            nll: Some(rounded(self.loss(logits))),
            rmse: None,
        }
    }

    fn least_squares_targets(&self, dataset: &Dataset) -> Array2<f32> {
        one_against_rest(dataset.targets(), self.count)
    }

    fn single_groups(&self, dataset: &Dataset) -> Folds {
        Folds::of_groups(dataset)
    }

    fn goal(&self, dataset: &Dataset) -> TrainingGoal {
        let weights = Array1::from_iter(self.weights(dataset).into_iter().map(|weight| weight as f32));
        let classes = dataset.targets().iter().map(|target| target.0);
        let targets = one_hot(classes, self.count) * weights.insert_axis(Axis(1));
        TrainingGoal { targets, loss: Loss::CrossEntropy, stratified: true }
    }

    fn weights(&self, dataset: &Dataset) -> Vec<f64> {
        sample_weights(dataset, self.balance)
    }

    fn decide(&self, logits: &Array2<f32>, dataset: &Dataset, split: &Split) -> Decision {
        let temperature = Temperature::fit(logits.view(), &self.truth);
        let probabilities = temperature.probabilities(logits.clone());
        let confusion = Confusion::new(self.count, &self.truth, &metrics::best_classes(logits.view()));
        let report = ClassesReport {
            classes: dataset.labels().clone(),
            cv: self.summary(logits, &probabilities, &confusion, split),
            per_class: per_class(dataset, &confusion),
            pseudo_labels: None,
            kept: None,
            operating: None,
        };
        Decision {
            outputs: Outputs::Classes,
            labels: dataset.labels().clone(),
            temperature,
            report: TaskReport::Classes(report),
            probabilities: Some(probabilities),
        }
    }
}

impl Classes {
    fn summary(
        &self,
        logits: &Array2<f32>,
        calibrated: &Array2<f32>,
        confusion: &Confusion,
        split: &Split,
    ) -> CrossValidation {
        if self.truth.is_empty() {
            return CrossValidation::default();
        }
        let uncalibrated = Temperature::NEUTRAL.probabilities(logits.clone());
        let right =
            metrics::best_classes(calibrated.view()).into_iter().zip(&self.truth).map(|(best, own)| best == *own);
        let right = Share::of_groups(self.groups.iter().copied().zip(right));
        CrossValidation {
            folds: split.folds.count(),
            samples: self.truth.len(),
            accuracy: Some(rounded(confusion.accuracy())),
            accuracy_interval: Some((right.low, right.high)),
            balanced_accuracy: Some(rounded(confusion.balanced_accuracy())),
            macro_f1: Some(rounded(confusion.macro_f1())),
            nll: Some(rounded(metrics::nll(calibrated.view(), &self.truth))),
            ece: Some(rounded(metrics::ece(calibrated.view(), &self.truth))),
            ece_uncalibrated: Some(rounded(metrics::ece(uncalibrated.view(), &self.truth))),
        }
    }
}

fn per_class(dataset: &Dataset, confusion: &Confusion) -> Vec<ClassReport> {
    let classes = dataset.labels().iter().zip(dataset.picture_counts()).zip(confusion.per_class());
    let report = |((label, count), metrics): ((&Label, usize), ClassMetrics)| ClassReport::new(label, count, &metrics);
    classes.map(report).collect()
}
