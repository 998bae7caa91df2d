//! From a dataset to a head, the same way for classes, numbers and several labels: hold out, try heads, choose one, fit it
//! on everything, calibrate.

mod answers;
mod budget;
mod candidates;
mod check;
mod choose;
mod curve;
mod decide;
mod earlier;
mod held_out;
mod memory;
mod near_twins;
mod operating;
mod outcome;
mod prepared;
mod recovered;
mod unknown;

use std::time::Instant;

pub use answers::Answers;
pub use candidates::{RidgeFit, SoftmaxFit, ridge_regression, softmax_regression};
pub use curve::CurvePoint;
pub use decide::decide;
pub use held_out::{cross_validate, cross_validate_choice, cross_validate_groups, leave_one_out};

pub use operating::HeldOutAnswers;
pub use outcome::{Confused, Outcome, Reliability};

pub(in crate::head) use budget::careful_kind;
pub(in crate::head) use candidates::trial;
pub(in crate::head) use check::check;
pub(in crate::head) use prepared::{Prepared, Trial};

use super::calibration::Temperature;
use super::error::FitError;
use super::file::{ArtifactParts, HeadArtifact};
use super::models::{Channels, HeadKind, OperatingPoint, Task};
use super::options::FitOptions;
use super::report::{Candidate, EarlierMapsReport, FitReport, LeftOut, TaskReport, UnknownReport, rounded};
use super::task::Decision;
use super::unknown::UnknownRule;
use crate::dataset::Dataset;
use candidates::{Fitted, average, refit};
use earlier::Both;

/// What takes longer, in seconds of one core, is said before it begins.
const LONG: f64 = 5.0;

/// Fits the head that `options` ask for on every sample.
///
/// # Errors
/// When there is too little to learn from, labels cannot be read as the task needs them, or the options make no sense.
pub fn fit(dataset: &Dataset, options: &FitOptions) -> Result<HeadArtifact, FitError> {
    fit_with_answers(dataset, options).map(|(artifact, _)| artifact)
}

/// [`fit`], and the out-of-fold answers that its report counts: none for a head that does not answer with classes. Classes
/// without samples are left out of the head.
///
/// # Errors
/// As [`fit`].
pub fn fit_with_answers(dataset: &Dataset, options: &FitOptions) -> Result<(HeadArtifact, Answers), FitError> {
    check(options)?;
    let data = Prepared::new(dataset, options)?;
    let wider = data.dataset.with_earlier_maps();
    let both = Both::new(&data, wider.as_ref());
    let Chosen { trial, is_wider, said } = chosen(&both, &data)?;
    match is_wider {
        true => finish(&trial, said, dataset, &both.into_wider()),
        false => finish(&trial, said, dataset, &data),
    }
}

/// The head that is kept of those that were tried.
struct Chosen {
    trial: Trial,
    /// Whether it learned from earlier maps too.
    is_wider: bool,
    said: Said,
}

/// Tries the heads that the options of `data` ask for, the best of them on earlier maps as well, and keeps one.
fn chosen(both: &Both, data: &Prepared) -> Result<Chosen, FitError> {
    let (kinds, left_out) = budget::kinds(data)?;
    both.share_sums(&kinds);
    let (mut candidates, mut trials): (Vec<_>, Vec<_>) = tried(&kinds, data)?.into_iter().unzip();
    let best = trials.swap_remove(0);
    let (compared, earlier_maps) = both.compare(&best, &kinds);
    if let Some(compared) = &compared {
        let wider = candidate(&compared.trial, compared.seconds, data);
        earlier::put_beside(&mut candidates, Candidate { earlier_maps: true, ..wider }, compared.used);
    }
    let said = Said { candidates, left_out, earlier_maps };
    let wider = compared.filter(|compared| compared.used);
    let is_wider = wider.is_some();
    Ok(Chosen { trial: wider.map_or(best, |wider| wider.trial), is_wider, said })
}

/// Heads of these `kinds`, and their average where one is to be chosen; the one that is kept first.
fn tried(kinds: &[HeadKind], data: &Prepared) -> Result<Vec<(Candidate, Trial)>, FitError> {
    let mut tried = Vec::new();
    for &kind in kinds {
        let start = Instant::now();
        if budget::seconds(kind, data) > LONG {
            tracing::info!("trying {kind} on {} samples", data.dataset.len());
        }
        let trial = trial(kind, data)?;
        tried.push((candidate(&trial, start.elapsed().as_secs_f64(), data), trial));
    }
    if data.options.head.is_open() {
        let start = Instant::now();
        let average = average::of(&tried.iter().map(|(_, trial)| trial).collect::<Vec<_>>(), data);
        tried.extend(average.map(|average| (candidate(&average, start.elapsed().as_secs_f64(), data), average)));
    }
    Ok(choose::best_first(tried, data))
}

/// What the report says of how the head was chosen.
struct Said {
    candidates: Vec<Candidate>,
    left_out: Vec<LeftOut>,
    earlier_maps: Option<EarlierMapsReport>,
}

fn finish(
    best: &Trial,
    Said { candidates, left_out, earlier_maps }: Said,
    dataset: &Dataset,
    data: &Prepared,
) -> Result<(HeadArtifact, Answers), FitError> {
    let Fitted { head, training } = refit(&best.recipe, data)?;
    let unknown = unknown::rule(best, data);
    let mut decision = data.rules().decide(&best.outputs, &data.dataset, &data.split);
    let operating = operating_point(&mut decision, data)?;
    if data.split.measured.is_empty() && data.rules().task() == Task::Classification {
        let logits = head.logits(data.dataset.learned());
        decision.temperature = Temperature::of_nothing_held_out(logits.view(), data.dataset.targets());
    }
    let report = FitReport {
        candidates,
        left_out,
        training,
        unknown: unknown_report(unknown.as_ref()),
        balance: data.options.balance,
        near_twins: near_twins::report(best.kind(), dataset, data)?,
        earlier_maps,
        ..FitReport::new(best.kind(), &data.dataset, decision.report)
    };
    let answers = match decision.probabilities {
        Some(probabilities) => Answers::new(data, probabilities),
        None => Answers::none(decision.labels.clone()),
    };
    let artifact = HeadArtifact::new(ArtifactParts {
        head,
        channels: Channels { last: data.dataset.last_dim(), all: data.dataset.width() },
        outputs: decision.outputs,
        operating,
        labels: decision.labels,
        fingerprint: data.dataset.fingerprint(),
        temperature: decision.temperature,
        unknown,
        report,
        options: Some(data.options.clone()),
        learned_from: None,
        answers: None,
    })?;
    Ok((artifact, answers))
}

/// How the classes are told apart, which the report then says.
fn operating_point(decision: &mut Decision, data: &Prepared) -> Result<OperatingPoint, FitError> {
    let (Some(probabilities), TaskReport::Classes(report)) = (&decision.probabilities, &mut decision.report) else {
        return Ok(OperatingPoint::default());
    };
    let classes = data.classes();
    let answers = HeldOutAnswers {
        labels: &decision.labels,
        probabilities: probabilities.view(),
        truth: &classes.truth,
        groups: Some(&classes.groups),
    };
    let (point, said) = answers.operating_point(data.options)?;
    report.operating = said.map(Box::new);
    Ok(point)
}

fn unknown_report(rule: Option<&UnknownRule>) -> UnknownReport {
    UnknownReport {
        threshold: rule.map(|rule| rounded(f64::from(rule.threshold))),
        false_reject: rule.map(|rule| rule.false_reject),
    }
}

fn candidate(trial: &Trial, seconds: f64, data: &Prepared) -> Candidate {
    let measures = data.rules().measures(&trial.outputs, &data.split);
    Candidate {
        head: trial.kind(),
        penalty: trial.recipe.penalty(),
        accuracy: measures.accuracy,
        nll: measures.nll,
        rmse: measures.rmse,
        earlier_maps: false,
        seconds: Some(seconds),
    }
}
