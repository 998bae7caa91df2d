//! A published closed-form head brought up to date from running sums.

use edgetl_algebra::LltError;

use super::artifact::{ArtifactParts, HeadArtifact, InvalidHead};
use super::report::{ClassReport, FitReport, UpdateReport};
use super::running::{Changes, RunningStatistics};
use super::unknown::{Distance, UnknownRule};
use super::{ClassStatistics, Head, HeadKind, Task};
use crate::dataset::Dataset;
use crate::labels::{Label, Labels};

/// Why a head must be fitted again instead.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    #[error("expected a prototype, lda or ridge head, which follow from sums, got {0}")]
    NotClosedForm(HeadKind),
    #[error("expected a ridge head with equal weights, got one with balanced classes, which does not follow from sums")]
    Balanced,
    #[error("expected a head that names one class, got one for {0}")]
    Task(Task),
    #[error("expected a head on all channels, got one on selected channels, which a new sample may change")]
    Selected,
    #[error("expected a head that learned from labelled samples alone, got one with guessed labels")]
    Guesses,
    #[error("expected a ridge head that says its penalty")]
    Penalty,
    #[error("expected samples of at least two classes, got {0}")]
    Classes(usize),
    #[error("expected features of {expected} channels, got {got}")]
    Dimension { expected: usize, got: usize },
    #[error("expected sums of features that vary")]
    Decomposition(#[source] LltError),
    #[error("expected weights that single precision can hold")]
    Overflow(#[from] InvalidHead),
}

/// The head of the kind and settings of `old` for the samples of `statistics`: the same as a full fit of that kind and
/// those settings would give. Temperature, unknown-threshold and held-out numbers stay those of `old`, and its report
/// says so.
///
/// `dataset` holds the samples of `statistics`; the distances of the unknown rule are taken from it.
///
/// # Errors
/// When `old` is of a kind that does not follow from sums, or less than two classes are left.
///
/// # Panics
/// When `dataset` has other labels than the samples in `statistics`.
pub fn update(
    old: &HeadArtifact,
    statistics: &RunningStatistics,
    dataset: &Dataset,
    changes: Option<Changes>,
) -> Result<HeadArtifact, UpdateError> {
    let (labels, sums) = statistics.classes();
    if labels.len() < 2 {
        return Err(UpdateError::Classes(labels.len()));
    }
    assert_eq!(labels, *dataset.labels(), "the sums have caught up with the dataset");
    let (expected, got) = (old.head().dim(), sums.channels());
    if expected != got {
        return Err(UpdateError::Dimension { expected, got });
    }
    let unknown = old.unknown().map(|rule| UnknownRule {
        distance: Distance::new(rule.distance.kind(), dataset.features().view(), dataset.targets(), labels.len()),
        ..rule.clone()
    });
    let parts = ArtifactParts {
        head: head(old, sums)?,
        outputs: old.outputs().clone(),
        fingerprint: old.fingerprint(),
        temperature: old.temperature(),
        unknown,
        report: report(old.report(), &labels, dataset, changes),
        labels,
    };
    Ok(HeadArtifact::new(parts)?)
}

/// Whether a head fitted as `report` says can be updated.
///
/// # Errors
/// Why not.
pub fn check_updatable(report: &FitReport) -> Result<(), UpdateError> {
    if report.pseudo_labels.as_ref().is_some_and(|guesses| guesses.used) {
        return Err(UpdateError::Guesses);
    }
    match report.head {
        _ if !report.task.is_classification() => Err(UpdateError::Task(report.task)),
        _ if report.selection.is_some() => Err(UpdateError::Selected),
        HeadKind::Ridge if report.balance => Err(UpdateError::Balanced),
        HeadKind::Prototype | HeadKind::Lda | HeadKind::Ridge => Ok(()),
        other => Err(UpdateError::NotClosedForm(other)),
    }
}

fn head(old: &HeadArtifact, sums: ClassStatistics) -> Result<Head, UpdateError> {
    let report = old.report();
    check_updatable(report)?;
    Ok(match old.head() {
        Head::Prototype(prototype) => Head::Prototype(sums.prototype(prototype.scale)),
        Head::Lda(_) => Head::Lda(sums.lda(report.balance).map_err(UpdateError::Decomposition)?),
        Head::Ridge(_) => {
            let penalty = report.candidates.first().and_then(|kept| kept.penalty).ok_or(UpdateError::Penalty)?;
            Head::Ridge(sums.ridge(penalty).map_err(UpdateError::Decomposition)?)
        }
        other => return Err(UpdateError::NotClosedForm(other.kind())),
    })
}

fn report(old: &FitReport, labels: &Labels, dataset: &Dataset, changes: Option<Changes>) -> FitReport {
    let measured = |label: &Label| old.per_class.iter().find(|class| class.label == *label);
    let class = |(label, count): (&Label, usize)| match measured(label) {
        Some(class) => ClassReport { count, ..class.clone() },
        None => ClassReport { label: label.clone(), count, precision: None, recall: None, f1: None },
    };
    let Changes { added, relabelled } = changes.unwrap_or_default();
    let removed = changes.map_or(0, |changes| (old.samples + changes.added).saturating_sub(dataset.pictures()));
    let measured_on = old.update.as_ref().map_or(old.samples, |update| update.measured_on);
    FitReport {
        classes: labels.clone(),
        samples: dataset.pictures(),
        views: dataset.len() - dataset.pictures(),
        per_class: labels.iter().zip(dataset.picture_counts()).map(class).collect(),
        update: Some(UpdateReport { measured_on, added, removed, relabelled, rebuilt: changes.is_none() }),
        ..old.clone()
    }
}
