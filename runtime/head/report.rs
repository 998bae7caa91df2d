//! What fitting found out, in the form that is printed and stored.

use serde::{Deserialize, Serialize};

use super::{HeadKind, Task, UnknownRule};
use crate::dataset::Dataset;
use crate::labels::{Label, Labels};
use crate::metrics::RegressionMetrics;

/// Everything `fit-head` says about a head. Numbers that could not be measured are `None`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FitReport {
    #[serde(default, skip_serializing_if = "Task::is_classification")]
    pub task: Task,
    pub head: HeadKind,
    /// Empty for regression.
    pub classes: Labels,
    pub samples: usize,
    /// Augmented views of the samples that were learned from as well.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub views: usize,
    pub dim: usize,
    pub cv: CrossValidation,
    /// Out of fold, for regression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regression: Option<RegressionMetrics>,
    /// For several labels a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multilabel: Option<MultilabelReport>,
    pub per_class: Vec<ClassReport>,
    /// The one that was kept, then the others by their loss.
    pub candidates: Vec<Candidate>,
    pub unknown: UnknownReport,
    /// Whether every class was given the same total weight.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub balance: bool,
    /// What was changed since `cv`, the temperature and the unknown-threshold were measured; `None` for a full fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<UpdateReport>,
    /// Heads that `auto` did not try.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// What fitting on fewer channels did, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<SelectionReport>,
    /// How the head that was kept was trained; `None` for a head of closed form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<TrainingReport>,
    /// What samples without a label did; `None` where none were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudo_labels: Option<GuessReport>,
    /// The classes that the backbone's own classifier brought; `None` where it brought none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptReport>,
}

/// Samples whose labels a head guessed, and what learning from them does to labelled samples that were held out from
/// guessing as well.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GuessReport {
    /// The least probability of a guess that is learned from.
    pub confidence: f64,
    /// How many samples have no label.
    pub unlabelled: usize,
    /// How many of them were sure enough, for each class.
    pub taken: Vec<GuessCount>,
    pub without: HeldOut,
    pub with: HeldOut,
    /// Whether the head has learned from them: not where that answered worse.
    pub used: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GuessCount {
    pub label: Label,
    pub count: usize,
}

/// On held-out samples; `None` where there were none.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct HeldOut {
    pub accuracy: Option<f64>,
    pub nll: Option<f64>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct KeptReport {
    /// How many there are.
    pub classes: usize,
    /// Those among them that the samples have as well.
    pub matched: Vec<Label>,
}

/// How a head differs from the last one that was fitted in full: its weights, counts and distances are as of now;
/// held-out numbers, temperature and the unknown-threshold are that one's.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct UpdateReport {
    /// The samples of the last full fit.
    pub measured_on: usize,
    /// Of this update: samples that came, went, or have another label.
    pub added: usize,
    pub removed: usize,
    pub relabelled: usize,
    /// Whether the sums had to be made from all samples again.
    pub rebuilt: bool,
}

/// What is particular to several labels a picture. `accuracy` of [`CrossValidation`] is then the share of pictures of which
/// every label is right, its `nll` a mean over pictures and labels; each was said with thresholds from other folds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MultilabelReport {
    /// The probability from which on a label is said to be there, in the order of the classes.
    pub thresholds: Vec<f64>,
}

/// The effect of fitting on the channels that tell the classes apart best, chosen anew inside each fold.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SelectionReport {
    /// How many the head looks at; the weights of the others are 0.
    pub channels: usize,
    pub of: usize,
    /// With all channels first.
    pub tried: Vec<SelectionTrial>,
}

/// One number of channels, measured out of fold.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SelectionTrial {
    pub channels: usize,
    pub accuracy: Option<f64>,
    /// Of calibrated probabilities.
    pub nll: Option<f64>,
}

/// A head that was not tried, and why.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LeftOut {
    pub head: HeadKind,
    pub reason: String,
}

/// How a perceptron was trained on all samples.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TrainingReport {
    /// Hidden values.
    pub width: usize,
    /// The highest of the schedule.
    pub learning_rate: f64,
    /// How many samples the weights were fitted to.
    pub samples: usize,
    /// How many were held back to stop by.
    pub validation_samples: usize,
    /// What [`Epoch::gradient_norms`] belong to.
    pub layers: Vec<String>,
    pub epochs: Vec<Epoch>,
    /// Whose weights were kept, from 0.
    pub kept_epoch: usize,
    /// The curve that the learning rate was read from, when it was looked for.
    pub finder: Option<RateFinder>,
}

/// One pass over the samples.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Epoch {
    /// At its first step.
    pub rate: f64,
    /// The mean over its steps, each before the weights changed.
    pub training_loss: f64,
    /// Without smoothing; `None` when no samples were held back.
    pub validation_loss: Option<f64>,
    /// The mean length of each layer's gradient.
    pub gradient_norms: Vec<f64>,
}

/// Loss over learning rate, while the rate grows from step to step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RateFinder {
    pub points: Vec<FinderPoint>,
    pub chosen: f64,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct FinderPoint {
    pub rate: f64,
    /// A running mean.
    pub loss: f64,
}

/// Out-of-fold numbers: every measured sample was answered by a head that had not seen its group.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct CrossValidation {
    /// 0 when nothing could be held out.
    pub folds: usize,
    /// How many samples were held out.
    pub samples: usize,
    pub accuracy: Option<f64>,
    pub macro_f1: Option<f64>,
    pub nll: Option<f64>,
    pub ece: Option<f64>,
    /// The calibration error before the temperature was fitted.
    pub ece_uncalibrated: Option<f64>,
}

/// How one class fares out of fold.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClassReport {
    pub label: Label,
    /// How many samples the head is fitted on.
    pub count: usize,
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    pub f1: Option<f64>,
}

/// One head that was tried.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Candidate {
    pub head: HeadKind,
    /// The L2 penalty, where the head has one.
    pub penalty: Option<f64>,
    pub accuracy: Option<f64>,
    /// Of calibrated probabilities.
    pub nll: Option<f64>,
    /// For regression, in the unit of the labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// How long trying it took; `None` in a stored artifact, whose bytes depend on data, options and seed alone.
    pub seconds: Option<f64>,
}

/// The rule that says "none of these".
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct UnknownReport {
    /// `None` when there is no rule.
    pub threshold: Option<f64>,
    /// The share of known pictures that it is meant to refuse.
    pub false_reject: Option<f64>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl UnknownReport {
    pub(super) fn of(rule: Option<&UnknownRule>) -> Self {
        Self {
            threshold: rule.map(|rule| rounded(f64::from(rule.threshold))),
            false_reject: rule.map(|rule| rule.false_reject),
        }
    }
}

/// A measured number as it is reported: to six decimals, which JSON keeps exactly.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// A number of any size as it is reported: to six digits, which JSON keeps exactly. What is not finite, and has no JSON
/// form, becomes the largest number.
pub(super) fn significant(value: f64) -> f64 {
    let value = if value.is_finite() { value } else { f64::MAX };
    format!("{value:.5e}").parse().expect("a number")
}

impl FitReport {
    /// Of a head of `kind` for classification on `dataset`, with nothing measured yet.
    pub(super) fn new(kind: HeadKind, dataset: &Dataset) -> Self {
        Self {
            task: Task::Classification,
            head: kind,
            classes: dataset.labels().clone(),
            samples: dataset.pictures(),
            views: dataset.len() - dataset.pictures(),
            dim: dataset.dim(),
            cv: CrossValidation::default(),
            regression: None,
            multilabel: None,
            per_class: Vec::new(),
            candidates: Vec::new(),
            unknown: UnknownReport::default(),
            left_out: Vec::new(),
            selection: None,
            training: None,
            balance: false,
            update: None,
            pseudo_labels: None,
            kept: None,
        }
    }

    /// The report without what differs from one run to the next.
    pub fn without_durations(&self) -> Self {
        let mut report = self.clone();
        report.candidates.iter_mut().for_each(|candidate| candidate.seconds = None);
        report
    }
}
