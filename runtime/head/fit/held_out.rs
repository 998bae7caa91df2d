//! Heads judged on what they were not fitted on; nothing is kept.

use super::earlier::Both;
use super::{Answers, Prepared, Trial, check, chosen, trial};
use crate::dataset::Dataset;
use crate::head::calibration::Temperature;
use crate::head::error::FitError;
use crate::head::models::{HeadKind, Task};
use crate::head::options::FitOptions;
use crate::head::task::Together;

/// The calibrated out-of-fold answers of heads of this `kind`, for classification, on earlier maps too where that is clearly better. Classes without samples have no column.
///
/// # Errors
/// As [`super::fit`].
pub fn cross_validate(dataset: &Dataset, kind: HeadKind, options: &FitOptions) -> Result<Answers, FitError> {
    held_out(Together::NearTwins, dataset, kind, options)
}

/// [`cross_validate`] for a dataset whose near-twins share groups already, by [`crate::head::with_near_twins_together`].
///
/// # Errors
/// As [`super::fit`].
pub fn cross_validate_groups(dataset: &Dataset, kind: HeadKind, options: &FitOptions) -> Result<Answers, FitError> {
    held_out(Together::GroupsAlone, dataset, kind, options)
}

fn held_out(kept: Together, dataset: &Dataset, kind: HeadKind, options: &FitOptions) -> Result<Answers, FitError> {
    check(options)?;
    let options = FitOptions { task: Task::Classification, ..options.clone() };
    let data = Prepared::keeping(kept, dataset, &options)?;
    let wider = data.dataset.with_earlier_maps();
    let both = Both::new(&data, wider.as_ref());
    both.share_sums(&[kind]);
    let alone = trial(kind, &data)?;
    let (compared, _) = both.compare(&alone, &[kind]);
    let trial = compared.filter(|compared| compared.used).map_or(alone, |compared| compared.trial);
    Ok(calibrated(trial, &data))
}

/// [`cross_validate_groups`] for the head that `options` ask for, chosen as [`super::fit`] does, and its kind.
///
/// # Errors
/// As [`super::fit`].
pub fn cross_validate_choice(dataset: &Dataset, options: &FitOptions) -> Result<(HeadKind, Answers), FitError> {
    check(options)?;
    let options = FitOptions { task: Task::Classification, ..options.clone() };
    let data = Prepared::keeping(Together::GroupsAlone, dataset, &options)?;
    let wider = data.dataset.with_earlier_maps();
    let trial = chosen(&Both::new(&data, wider.as_ref()), &data)?.trial;
    Ok((trial.kind(), calibrated(trial, &data)))
}

fn calibrated(trial: Trial, data: &Prepared) -> Answers {
    let temperature = Temperature::fit(trial.outputs.view(), &data.classes().truth);
    Answers::new(data, temperature.probabilities(trial.outputs))
}

/// The answers of ridge heads, each fitted on everything but one group: exact, and without as many fits.
///
/// # Errors
/// As [`super::fit`].
pub fn leave_one_out(dataset: &Dataset, options: &FitOptions) -> Result<Answers, FitError> {
    let options = FitOptions { folds: dataset.len().max(2), ..options.clone() };
    cross_validate(dataset, HeadKind::Ridge, &options)
}
