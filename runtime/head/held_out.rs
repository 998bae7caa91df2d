//! One kind of head, judged on what it was not fitted on; nothing is kept.

use super::answers::Answers;
use super::candidates::{Prepared, Trial};
use super::fit::{FitError, check, with_present_classes};
use super::{FitOptions, HeadKind, Temperature};
use crate::dataset::Dataset;

/// The calibrated out-of-fold answers of heads of this `kind`. Classes without samples have no column.
///
/// # Errors
/// As [`super::fit`].
pub fn cross_validate(dataset: &Dataset, kind: HeadKind, options: &FitOptions) -> Result<Answers, FitError> {
    check(options)?;
    let dataset = with_present_classes(dataset)?;
    let data = Prepared::new(&dataset, options)?;
    let trial = Trial::run(kind, &data)?;
    let probabilities = Temperature::fit(trial.logits.view(), &data.truth).probabilities(trial.logits);
    Ok(Answers {
        labels: dataset.labels().clone(),
        ids: data.measured.iter().map(|&row| dataset.ids()[row]).collect(),
        truth: data.truth.clone(),
        probabilities,
    })
}

/// The answers of ridge heads, each fitted on everything but one group: exact, and without as many fits.
///
/// # Errors
/// As [`super::fit`].
pub fn leave_one_out(dataset: &Dataset, options: &FitOptions) -> Result<Answers, FitError> {
    let options = FitOptions { folds: dataset.len().max(2), ..options.clone() };
    cross_validate(dataset, HeadKind::Ridge, &options)
}
