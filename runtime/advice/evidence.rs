//! All that was measured before anything is advised.

use serde::Serialize;

use super::{Comparison, Familiarity, LearningCurve, MissedClass, NextClass, Projection};
use crate::head::HeadKind;
use crate::labels::Label;

/// What [`super::decide`] goes by. Numbers that could not be measured are `None`.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    pub samples: usize,
    pub classes: usize,
    pub dim: usize,
    /// Pictures of the smallest class, its name, and pictures of the class in the middle.
    pub smallest_class: usize,
    pub smallest_label: Label,
    pub median_class: usize,
    /// The accuracy that is asked for.
    pub target: f64,
    /// The best head of one layer.
    pub head: HeadKind,
    /// Cross-validated accuracy of that head, and its standard error.
    pub accuracy: Option<f64>,
    pub error: Option<f64>,
    /// The mean over the classes of the share of each that is named right.
    pub balanced_accuracy: Option<f64>,
    /// Classes that clearly miss the target, the worst first.
    pub missed: Vec<MissedClass>,
    /// Of a ridge head.
    pub leave_one_out: Option<f64>,
    pub familiarity: Familiarity,
    /// A head with a hidden layer against the best of one layer; `None` when it was not tried.
    pub deeper: Option<Comparison>,
    /// Other backbones whose features are stored, against the one in use.
    pub backbones: Vec<BackboneEvidence>,
    pub curve: Option<LearningCurve>,
    pub projection: Option<Projection>,
    /// The class to take more pictures of.
    pub next_class: Option<NextClass>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct BackboneEvidence {
    pub name: String,
    pub dim: usize,
    #[serde(flatten)]
    pub comparison: Comparison,
}
