//! From a dataset to a head: cross-validate the candidates, fit the best on everything, calibrate.

mod check;
mod error;
mod unknown;

use std::time::Instant;

pub use error::FitError;

pub(super) use check::check;
use unknown::unknown_rule;

use super::answers::Answers;
use super::artifact::{ArtifactParts, HeadArtifact};
use super::candidates::{Fitted, Prepared, Trial, average, cost, selected};
use super::out_of_fold::OutOfFold;
use super::report::{Candidate, FitReport, LeftOut, SelectionReport, UnknownReport, rounded};
use super::{FitOptions, HeadChoice, HeadKind, Outputs, Task, Temperature, multilabel, regression};
use crate::dataset::Dataset;
use crate::labels::{ClassIndex, Labels};
use crate::metrics;

/// Fits the head that `options` ask for on every sample.
///
/// # Errors
/// When there is too little to learn from, labels cannot be read as the task needs them, or the options make no sense.
pub fn fit(dataset: &Dataset, options: &FitOptions) -> Result<HeadArtifact, FitError> {
    fit_with_answers(dataset, options).map(|(artifact, _)| artifact)
}

/// [`fit`], and the out-of-fold answers that its report counts: none for a head that does not answer with classes.
///
/// # Errors
/// As [`fit`].
pub fn fit_with_answers(dataset: &Dataset, options: &FitOptions) -> Result<(HeadArtifact, Answers), FitError> {
    check(options)?;
    let artifact = match options.task {
        Task::Classification => return classify(dataset, options),
        Task::Regression => regression::fit(dataset, options)?,
        Task::Multilabel => multilabel::fit(dataset, options)?,
    };
    let answers = Answers::none(artifact.labels().clone());
    Ok((artifact, answers))
}

/// A head for classes, its calibration and its unknown-threshold set from out-of-fold answers. Classes without samples are
/// left out of it.
fn classify(dataset: &Dataset, options: &FitOptions) -> Result<(HeadArtifact, Answers), FitError> {
    let dataset = with_present_classes(dataset)?;
    let data = Prepared::new(&dataset, options)?;
    let (kinds, left_out) = cost::offer(&data).kinds()?;
    let mut trials = Vec::new();
    for kind in kinds {
        let start = Instant::now();
        let trial = Trial::run(kind, &data)?;
        trials.push((candidate(&trial, start, &data), trial));
    }
    if options.head == HeadChoice::Auto {
        let start = Instant::now();
        let average = average::of(&trials.iter().map(|(_, trial)| trial).collect::<Vec<_>>(), &data);
        trials.extend(average.map(|average| (candidate(&average, start, &data), average)));
    }
    // Stable: where nothing was measured, the simplest head stays first.
    trials.sort_by(|(a, _), (b, _)| a.nll.unwrap_or(0.0).total_cmp(&b.nll.unwrap_or(0.0)));
    let chosen = chosen(&trials.iter().map(|(_, trial)| trial).collect::<Vec<_>>(), &data);
    // The chosen one comes first, the others follow in order.
    trials[..=chosen].rotate_right(1);
    let (candidates, trials): (Vec<_>, Vec<_>) = trials.into_iter().unzip();
    let best = trials.into_iter().next().expect("at least one kind was tried");
    let (best, selection) = match options.select {
        None => (best, None),
        Some(selection) => {
            let selected = selected::compare(best, selection, &data)?;
            (selected.trial, Some(selected.report))
        }
    };
    finish(&best, Tried { candidates, left_out, selection }, &data)
}

/// Which heads were compared, and which not.
struct Tried {
    candidates: Vec<Candidate>,
    left_out: Vec<LeftOut>,
    selection: Option<SelectionReport>,
}

/// Held-out samples without which a comparison of losses is chance.
const ENOUGH_TO_COMPARE: usize = 8;

/// Of trials in order of loss, the simplest that is within one standard error of the first, the error being that of the
/// difference between both on the same samples. Heads of one linear layer are equally simple: among them the loss decides,
/// unless their average is within that error too. Then the loss tells them apart by chance, and it stands for them.
/// Where hardly anything was held out, it is the simplest of all.
///
/// Source: Breiman, Friedman, Olshen, Stone, "Classification and Regression Trees", 1984, section 3.4.3.
fn chosen(trials: &[&Trial], data: &Prepared) -> usize {
    if data.measured.len() < ENOUGH_TO_COMPARE {
        let simplest = trials.iter().enumerate().min_by_key(|(_, trial)| trial.kind);
        return simplest.expect("at least one kind was tried").0;
    }
    let best = data.losses(&trials[0].logits);
    let within_one_error = |place: &usize| {
        let gaps: Vec<f64> =
            data.losses(&trials[*place].logits).iter().zip(&best).map(|(other, best)| other - best).collect();
        let count = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / count;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        mean <= (variance / count).sqrt()
    };
    let simpler = trials.iter().position(|trial| trial.kind.is_linear()).filter(within_one_error).unwrap_or(0);
    let average = trials.iter().position(|trial| trial.kind == HeadKind::Average).filter(within_one_error);
    average.filter(|_| average::MEMBERS.contains(&trials[simpler].kind)).unwrap_or(simpler)
}

fn finish(best: &Trial, tried: Tried, data: &Prepared) -> Result<(HeadArtifact, Answers), FitError> {
    let Fitted { head, training } = (best.refit)(data);
    let temperature = Temperature::fit(best.logits.view(), &data.truth);
    let unknown = unknown_rule(best, data);
    let answers = OutOfFold::new(data, &best.logits, temperature);
    let report = FitReport {
        cv: answers.summary(),
        per_class: answers.per_class(),
        candidates: tried.candidates,
        left_out: tried.left_out,
        selection: tried.selection,
        training,
        unknown: UnknownReport::of(unknown.as_ref()),
        balance: data.options.balance,
        ..FitReport::new(best.kind, data.dataset)
    };
    let (labels, fingerprint) = (report.classes.clone(), data.dataset.fingerprint());
    let answers = answers.into_answers();
    let outputs = Outputs::Classes;
    let parts = ArtifactParts { head, outputs, labels, fingerprint, temperature, unknown, report };
    Ok((HeadArtifact::new(parts)?, answers))
}

/// The dataset without labels that no sample has.
pub(super) fn with_present_classes(dataset: &Dataset) -> Result<Dataset, FitError> {
    let counts = dataset.class_counts();
    let present: Vec<usize> = (0..counts.len()).filter(|&class| counts[class] > 0).collect();
    let label = |class: usize| dataset.labels().as_slice()[class].clone();
    match present.as_slice() {
        [] => return Err(FitError::NoSamples),
        [only] => return Err(FitError::OneClass(label(*only))),
        _ if dataset.dim() == 0 => return Err(FitError::NoChannels),
        _ => {}
    }
    let position = |target: &ClassIndex| ClassIndex(present.binary_search(&target.0).expect("its count is not 0"));
    let targets = dataset.targets().iter().map(position).collect();
    let labels = Labels::new(present.iter().map(|&class| label(class)).collect()).expect("a part of distinct labels");
    Ok(dataset.clone().with_classes(targets, labels).expect("made from a dataset"))
}

fn candidate(trial: &Trial, start: Instant, data: &Prepared) -> Candidate {
    let measured = !data.measured.is_empty();
    Candidate {
        head: trial.kind,
        penalty: trial.penalty,
        accuracy: measured.then(|| rounded(metrics::accuracy(trial.logits.view(), &data.truth))),
        nll: measured.then(|| rounded(data.loss(&trial.logits))),
        rmse: None,
        seconds: Some(start.elapsed().as_secs_f64()),
    }
}
