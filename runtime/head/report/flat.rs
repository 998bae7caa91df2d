//! The report as JSON has it: one flat object, whose keys are added to and never renamed.

use serde::{Deserialize, Serialize};

use super::{
    Candidate, ClassReport, ClassesReport, ComparisonReport, CrossValidation, EarlierMapsReport, FitReport,
    GuessReport, KeptReport, LeftOut, NamesReport, NearTwinsReport, NumbersReport, OperatingReport, TaskReport,
    TrainingReport, UnknownReport,
};
use crate::head::models::{HeadKind, Task};
use crate::labels::Labels;
use crate::metrics::RegressionMetrics;

#[derive(Clone, Serialize, Deserialize)]
pub struct Flat {
    #[serde(default, skip_serializing_if = "Task::is_classification")]
    task: Task,
    head: HeadKind,
    classes: Labels,
    samples: usize,
    #[serde(default, skip_serializing_if = "is_zero")]
    views: usize,
    dim: usize,
    cv: CrossValidation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    regression: Option<RegressionMetrics>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    multilabel: Option<Thresholds>,
    per_class: Vec<ClassReport>,
    candidates: Vec<Candidate>,
    unknown: UnknownReport,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    balance: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<LeftOut>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    training: Option<TrainingReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pseudo_labels: Option<GuessReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<KeptReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    operating: Option<Box<OperatingReport>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    near_twins: Option<NearTwinsReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earlier_maps: Option<EarlierMapsReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comparison: Option<Box<ComparisonReport>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Thresholds {
    thresholds: Vec<f64>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl From<FitReport> for Flat {
    fn from(report: FitReport) -> Self {
        let task = report.task();
        let mut flat = Self {
            task,
            head: report.head,
            classes: Labels::default(),
            samples: report.samples,
            views: report.views,
            dim: report.dim,
            cv: CrossValidation::default(),
            regression: None,
            multilabel: None,
            per_class: Vec::new(),
            candidates: report.candidates,
            unknown: report.unknown,
            balance: report.balance,
            left_out: report.left_out,
            training: report.training,
            pseudo_labels: None,
            kept: None,
            operating: None,
            near_twins: report.near_twins,
            earlier_maps: report.earlier_maps,
            comparison: report.comparison,
        };
        match report.task {
            TaskReport::Classes(ClassesReport { classes, cv, per_class, pseudo_labels, kept, operating }) => {
                flat = Self { classes, cv, per_class, pseudo_labels, kept, operating, ..flat };
            }
            TaskReport::Numbers(NumbersReport { cv, metrics }) => flat = Self { cv, regression: metrics, ..flat },
            TaskReport::Names(NamesReport { classes, cv, per_class, thresholds }) => {
                flat = Self { classes, cv, per_class, multilabel: Some(Thresholds { thresholds }), ..flat };
            }
        }
        flat
    }
}

impl From<Flat> for FitReport {
    fn from(flat: Flat) -> Self {
        let (classes, cv, per_class) = (flat.classes, flat.cv, flat.per_class);
        let task = match flat.task {
            Task::Classification => {
                let (pseudo_labels, kept, operating) = (flat.pseudo_labels, flat.kept, flat.operating);
                TaskReport::Classes(ClassesReport { classes, cv, per_class, pseudo_labels, kept, operating })
            }
            Task::Regression => TaskReport::Numbers(NumbersReport { cv, metrics: flat.regression }),
            Task::Multilabel => {
                let thresholds = flat.multilabel.map(|multilabel| multilabel.thresholds).unwrap_or_default();
                TaskReport::Names(NamesReport { classes, cv, per_class, thresholds })
            }
        };
        Self {
            head: flat.head,
            samples: flat.samples,
            views: flat.views,
            dim: flat.dim,
            task,
            candidates: flat.candidates,
            left_out: flat.left_out,
            unknown: flat.unknown,
            balance: flat.balance,
            training: flat.training,
            near_twins: flat.near_twins,
            earlier_maps: flat.earlier_maps,
            comparison: flat.comparison,
        }
    }
}
