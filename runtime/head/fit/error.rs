//! Why no head can be fitted.

use crate::dataset::TargetError;
use crate::head::artifact::InvalidHead;
use crate::head::{HeadKind, Task};
use crate::labels::Label;

/// Why no head can be fitted.
#[derive(Debug, thiserror::Error)]
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
    #[error("expected classification to select channels for, got {0}")]
    SelectionOfTask(Task),
    #[error("expected features of at least one channel, got none")]
    NoChannels,
    #[error("expected at least 2 folds, got {0}")]
    Folds(usize),
    #[error("expected penalties above 0, got {0}")]
    Penalty(f64),
    #[error("expected at least one penalty, got none")]
    NoPenalty,
    #[error("expected classifier rows of {expected} channels, got {got}")]
    KnownClasses { expected: usize, got: usize },
    #[error("expected a false-reject rate of at least 0 and below 1, got {0}")]
    FalseReject(f64),
    #[error("expected a budget of at least 0 seconds, got {0}")]
    Budget(f64),
    #[error("expected {what} {limits}, got {got}")]
    Training { what: &'static str, limits: &'static str, got: f64 },
    #[error("expected training to converge, got answers that are not finite: the learning rate is too high")]
    Diverged,
    #[error(
        "expected features of a size that single precision can work with, got a decomposition that does not converge"
    )]
    Decomposition,
    #[error("expected features of a size that single precision can work with, got weights that overflow")]
    Overflow(#[from] InvalidHead),
}
