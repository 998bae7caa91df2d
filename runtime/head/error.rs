//! Why no head can be fitted, and why parts make no head.

use super::models::{HeadKind, Task};
use crate::dataset::TargetError;
use crate::labels::Label;
use crate::memory::shown;

/// Why no head can be fitted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    #[error("expected samples of at least two classes, got none")]
    NoSamples,
    #[error("expected samples of at least two classes, got only `{0}`")]
    OneClass(Label),
    #[error(transparent)]
    Targets(#[from] TargetError),
    #[error("expected samples whose labels are numbers, got none")]
    NoNumbers,
    #[error("expected labels of at least two different numbers, got only {0}")]
    OneNumber(f64),
    #[error("expected samples with at least one name between them, got none")]
    NoNames,
    #[error("expected {offered} for {task}, got {got}")]
    HeadOfTask { task: Task, offered: String, got: HeadKind },
    #[error("expected features of at least one channel, got none")]
    NoChannels,
    #[error("expected a class of the samples for the goal, got `{0}`")]
    GoalLabel(Label),
    #[error("expected {what}, got {got}")]
    Goal { what: &'static str, got: f64 },
    #[error("no picture could be held out to set the decision by: collect more of each class")]
    NothingHeldOut,
    #[error("expected a goal or a least probability with classification, got one for {0}")]
    GoalTask(Task),
    #[error("expected at least 2 folds, got {0}")]
    Folds(usize),
    #[error("expected penalties above 0, got {0}")]
    Penalty(f64),
    #[error("expected at least one penalty, got none")]
    NoPenalty,
    #[error("the features of all {samples} pictures are the same but for rounding: nothing tells their labels apart")]
    Alike { samples: usize },
    #[error("expected classifier rows of {expected} channels, got {got}")]
    KnownClasses { expected: usize, got: usize },
    #[error("expected a false-reject rate of at least 0 and below 1, got {0}")]
    FalseReject(f64),
    #[error("expected a fit within {} of memory, got {samples} samples, which take about {}", shown(*.limit), shown(*.needed))]
    Memory { samples: usize, needed: u64, limit: u64 },
    #[error("expected a budget of at least 0 seconds, got {0}")]
    Budget(f64),
    #[error("expected {what} {limits}, got {got}")]
    Training { what: &'static str, limits: &'static str, got: f64 },
    #[error("training did not converge: the learning rate is too high")]
    Diverged,
    #[error(
        "expected features of a size that single precision can work with, got a decomposition that does not converge"
    )]
    Decomposition,
    #[error("expected features of a size that single precision can work with, got weights that overflow")]
    Overflow(#[from] InvalidHead),
}

/// Parts that do not make a head.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHead {
    #[error("expected a head of at least one class and one channel, got {classes} and {dim}")]
    Empty { classes: usize, dim: usize },
    #[error("expected one output for a number, got {0}")]
    Outputs(usize),
    #[error("expected {expected} thresholds from 0 to 1, one a label, got {got:?}")]
    Thresholds { expected: usize, got: Vec<f32> },
    #[error("expected {expected} labels, one a class, got {got}")]
    Labels { expected: usize, got: usize },
    #[error("expected a decision among {0} classes, got one that does not fit them")]
    OperatingPoint(usize),
    #[error("expected held-out answers of {0} classes, got others")]
    Answers(usize),
    #[error("expected {expected} biases, one a class, got {got}")]
    Biases { expected: usize, got: usize },
    #[error("expected as many hidden values in both layers, got {hidden} and {output}")]
    Width { hidden: usize, output: usize },
    #[error("expected finite numbers in the tensor `{0}`")]
    NotFinite(&'static str),
    #[error("expected a head of {last} or {all} channels, got {got}")]
    Channels { last: usize, all: usize, got: usize },
    #[error("expected distances to {classes} classes in {dim} channels, got {got_classes} and {got_dim}")]
    Distance { classes: usize, dim: usize, got_classes: usize, got_dim: usize },
}
