//! What fitting found out, in the form that is printed and stored.

mod comparison;
mod earlier;
mod flat;
mod near_twins;
mod operating;
mod training;

use serde::{Deserialize, Serialize};

pub use comparison::{Changes, ComparisonReport, Measure, NewClass, OldAgainstNew, Verdict};
pub use earlier::EarlierMapsReport;
pub use near_twins::NearTwinsReport;
pub use operating::{OperatingClass, OperatingReport, Share};
pub use training::{Epoch, FinderPoint, RateFinder, TrainingReport};

use super::models::{HeadKind, Task};
use crate::dataset::Dataset;
use crate::labels::{Label, Labels};
use crate::metrics::{ClassMetrics, RegressionMetrics};

/// Everything `fit-head` says about a head. Numbers that could not be measured are `None`.
///
/// In JSON it is one flat object, whatever the task.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(from = "flat::Flat", into = "flat::Flat")]
#[non_exhaustive]
pub struct FitReport {
    pub head: HeadKind,
    pub samples: usize,
    /// Augmented views of the samples that were learned from as well.
    pub views: usize,
    pub dim: usize,
    /// What was measured, as the task measures it.
    pub task: TaskReport,
    /// The one that was kept, then the others by their loss.
    pub candidates: Vec<Candidate>,
    /// Heads that `auto` did not try.
    pub left_out: Vec<LeftOut>,
    pub unknown: UnknownReport,
    /// Whether every class was given the same total weight.
    pub balance: bool,
    /// How the head that was kept was trained; `None` for a head of closed form.
    pub training: Option<TrainingReport>,
    /// `None` where no pictures were alike beyond their groups.
    pub near_twins: Option<NearTwinsReport>,
    /// `None` where the backbone gives one map.
    pub earlier_maps: Option<EarlierMapsReport>,
    /// With the head that was live before; `None` where none was asked for.
    pub comparison: Option<Box<ComparisonReport>>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum TaskReport {
    Classes(ClassesReport),
    Numbers(NumbersReport),
    Names(NamesReport),
}

/// Of a head that names the one class of a picture.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct ClassesReport {
    pub classes: Labels,
    pub cv: CrossValidation,
    pub per_class: Vec<ClassReport>,
    /// What samples without a label did; `None` where none were asked for.
    pub pseudo_labels: Option<GuessReport>,
    /// The classes that the backbone's own classifier brought; `None` where it brought none.
    pub kept: Option<KeptReport>,
    /// How classes are told apart; `None` where the likeliest is always said.
    pub operating: Option<Box<OperatingReport>>,
}

/// Of a head that answers with a number.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct NumbersReport {
    /// How much was held out; its shares are those of classes and `None`.
    pub cv: CrossValidation,
    /// Out of fold.
    pub metrics: Option<RegressionMetrics>,
}

/// Of a head that gives any of several names. `accuracy` of [`CrossValidation`] is the share of pictures of which every name
/// is right, its `nll` a mean over pictures and names; each was said with thresholds from other folds.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct NamesReport {
    pub classes: Labels,
    pub cv: CrossValidation,
    pub per_class: Vec<ClassReport>,
    /// The probability from which on a name is said to be there, in the order of the classes.
    pub thresholds: Vec<f64>,
}

/// Samples whose labels a head guessed, and what learning from them does to labelled samples that were held out from
/// guessing as well.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct GuessCount {
    pub label: Label,
    pub count: usize,
}

/// On held-out samples; `None` where there were none.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeldOut {
    pub accuracy: Option<f64>,
    pub nll: Option<f64>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptReport {
    /// How many there are.
    pub classes: usize,
    /// Those among them that the samples have as well.
    pub matched: Vec<Label>,
}

/// A head that was not tried, and why.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LeftOut {
    pub head: HeadKind,
    pub reason: String,
    /// Seconds of one core after which `auto` would have tried it; 0 in reports from before this was kept.
    #[serde(default)]
    pub budget: f64,
    /// Bytes with which `auto` would have had room for it; `None` where there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

/// Out-of-fold numbers: every measured sample was answered by a head that had not seen its group.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CrossValidation {
    /// 0 when nothing could be held out.
    pub folds: usize,
    /// How many samples were held out.
    pub samples: usize,
    pub accuracy: Option<f64>,
    /// Of 95 %, by the number of samples.
    #[serde(default)]
    pub accuracy_interval: Option<(f64, f64)>,
    /// The mean recall of the classes, where a sample has one class.
    #[serde(default)]
    pub balanced_accuracy: Option<f64>,
    pub macro_f1: Option<f64>,
    pub nll: Option<f64>,
    pub ece: Option<f64>,
    /// The calibration error before the temperature was fitted.
    pub ece_uncalibrated: Option<f64>,
}

/// How one class fares out of fold.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
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
#[non_exhaustive]
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
    /// Whether it takes the channels of earlier maps as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier_maps: bool,
    /// How long trying it took; `None` in a stored artifact, whose bytes depend on data, options and seed alone.
    pub seconds: Option<f64>,
}

/// The rule that says "none of these".
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnknownReport {
    /// `None` when there is no rule.
    pub threshold: Option<f64>,
    /// The share of known pictures that it is meant to refuse.
    pub false_reject: Option<f64>,
}

/// A measured number as it is reported: to six decimals, which JSON keeps exactly.
pub(in crate::head) fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// A number of any size as it is reported: to six digits, which JSON keeps exactly. What is not finite, and has no JSON
/// form, becomes the largest number.
pub(in crate::head) fn significant(value: f64) -> f64 {
    let value = if value.is_finite() { value } else { f64::MAX };
    format!("{value:.5e}").parse().expect("a number")
}

impl ClassReport {
    pub(in crate::head) fn new(label: &Label, count: usize, metrics: &ClassMetrics) -> Self {
        let measured = |value| (metrics.count > 0).then(|| rounded(value));
        let (precision, recall, f1) = (measured(metrics.precision), measured(metrics.recall), measured(metrics.f1));
        Self { label: label.clone(), count, precision, recall, f1 }
    }
}

impl FitReport {
    /// How classes are told apart; `None` where the likeliest is always said.
    pub fn operating(&self) -> Option<&OperatingReport> {
        self.of_classes().and_then(|classes| classes.operating.as_deref())
    }

    /// Says what another decision does.
    pub(in crate::head) fn set_operating(&mut self, operating: Option<OperatingReport>) {
        if let TaskReport::Classes(classes) = &mut self.task {
            classes.operating = operating.map(Box::new);
        }
    }

    /// Of a head of `kind` on `dataset`, with nothing else measured yet.
    pub(in crate::head) fn new(head: HeadKind, dataset: &Dataset, task: TaskReport) -> Self {
        let samples = dataset.pictures();
        Self {
            head,
            samples,
            views: dataset.len() - samples,
            dim: dataset.dim(),
            task,
            candidates: Vec::new(),
            left_out: Vec::new(),
            unknown: UnknownReport::default(),
            balance: false,
            training: None,
            near_twins: None,
            earlier_maps: None,
            comparison: None,
        }
    }

    pub fn task(&self) -> Task {
        match self.task {
            TaskReport::Classes(_) => Task::Classification,
            TaskReport::Numbers(_) => Task::Regression,
            TaskReport::Names(_) => Task::Multilabel,
        }
    }

    /// Classes or names; none for numbers.
    pub fn classes(&self) -> &[Label] {
        match &self.task {
            TaskReport::Classes(report) => report.classes.as_slice(),
            TaskReport::Names(report) => report.classes.as_slice(),
            TaskReport::Numbers(_) => &[],
        }
    }

    pub fn cv(&self) -> &CrossValidation {
        match &self.task {
            TaskReport::Classes(report) => &report.cv,
            TaskReport::Numbers(report) => &report.cv,
            TaskReport::Names(report) => &report.cv,
        }
    }

    /// How each class or name fares; nothing for numbers.
    pub fn per_class(&self) -> &[ClassReport] {
        match &self.task {
            TaskReport::Classes(report) => &report.per_class,
            TaskReport::Names(report) => &report.per_class,
            TaskReport::Numbers(_) => &[],
        }
    }

    /// What is particular to classes; `None` for another task.
    pub fn of_classes(&self) -> Option<&ClassesReport> {
        match &self.task {
            TaskReport::Classes(report) => Some(report),
            TaskReport::Numbers(_) | TaskReport::Names(_) => None,
        }
    }

    /// The report without what differs from one run to the next.
    pub fn without_durations(&self) -> Self {
        let mut report = self.clone();
        report.candidates.iter_mut().for_each(|candidate| candidate.seconds = None);
        report
    }
}
