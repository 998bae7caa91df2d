//! From a dataset to a head: cross-validate the candidates, fit the best on everything, calibrate.

use std::time::Instant;

use ndarray::{Array2, Axis};

use super::artifact::{ArtifactParts, HeadArtifact, InvalidHead};
use super::candidates::{Prepared, Trial};
use super::report::{Candidate, ClassReport, CrossValidation, FitReport, UnknownReport, rounded};
use super::unknown::{Distance, DistanceKind, Evidence, UnknownRule};
use super::{FitOptions, HeadChoice, HeadKind, Temperature};
use crate::dataset::Dataset;
use crate::labels::{ClassIndex, Label, Labels};
use crate::metrics::{self, ClassMetrics, Confusion};

/// Why no head can be fitted.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    #[error("expected samples of at least two classes, got none")]
    NoSamples,
    #[error("expected samples of at least two classes, got only `{0}`")]
    OneClass(Label),
    #[error("expected features of at least one channel, got none")]
    NoChannels,
    #[error("expected at least 2 folds, got {0}")]
    Folds(usize),
    #[error("expected penalties above 0, got {0}")]
    Penalty(f64),
    #[error("expected at least one penalty, got none")]
    NoPenalty,
    #[error("expected a false-reject rate of at least 0 and below 1, got {0}")]
    FalseReject(f64),
    #[error(
        "expected features of a size that single precision can work with, got a decomposition that does not converge"
    )]
    Decomposition,
    #[error("expected features of a size that single precision can work with, got weights that overflow")]
    Overflow(#[from] InvalidHead),
}

/// Fits the head that `options` ask for on every sample, with its calibration and its unknown-threshold set from
/// out-of-fold answers. Classes without samples are left out of the head.
///
/// # Errors
/// When there are not two classes with samples, or the options make no sense.
pub fn fit(dataset: &Dataset, options: &FitOptions) -> Result<HeadArtifact, FitError> {
    check(options)?;
    let dataset = with_present_classes(dataset)?;
    let data = Prepared::new(&dataset, options)?;
    let mut trials = Vec::new();
    for kind in kinds(options.head, &data) {
        let start = Instant::now();
        let trial = Trial::run(kind, &data)?;
        trials.push((candidate(&trial, start, &data), trial));
    }
    // Stable: where nothing was measured, the simplest head stays first.
    trials.sort_by(|(a, _), (b, _)| a.nll.unwrap_or(0.0).total_cmp(&b.nll.unwrap_or(0.0)));
    let chosen = chosen(&trials.iter().map(|(_, trial)| trial).collect::<Vec<_>>(), &data);
    // The chosen one comes first, the others follow in order.
    trials[..=chosen].rotate_right(1);
    let (candidates, trials): (Vec<Candidate>, Vec<Trial>) = trials.into_iter().unzip();
    let best = trials.into_iter().next().expect("at least one kind was tried");
    finish(&best, candidates, &data)
}

/// Of trials in order of loss, the simplest that is within one standard error of the first, the error being that of the
/// difference between both on the same samples. Heads of one linear layer are equally simple: among them the loss decides.
///
/// Source: Breiman, Friedman, Olshen, Stone, "Classification and Regression Trees", 1984, section 3.4.3.
fn chosen(trials: &[&Trial], data: &Prepared) -> usize {
    let best = data.losses(&trials[0].logits);
    let simpler = trials.iter().position(|trial| trial.kind.is_linear());
    let within_one_error = |place: &usize| {
        let gaps: Vec<f64> =
            data.losses(&trials[*place].logits).iter().zip(&best).map(|(other, best)| other - best).collect();
        let count = gaps.len().max(1) as f64;
        let mean = gaps.iter().sum::<f64>() / count;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        mean <= (variance / count).sqrt()
    };
    simpler.filter(within_one_error).unwrap_or(0)
}

fn finish(best: &Trial, candidates: Vec<Candidate>, data: &Prepared) -> Result<HeadArtifact, FitError> {
    let head = (best.refit)(data);
    let temperature = Temperature::fit(best.logits.view(), &data.truth);
    let unknown = unknown_rule(best, data);
    let answers = OutOfFold::new(data, &best.logits, temperature);
    let report = FitReport {
        head: best.kind,
        classes: data.dataset.labels().clone(),
        samples: data.dataset.pictures(),
        views: data.dataset.len() - data.dataset.pictures(),
        dim: data.dataset.dim(),
        cv: answers.summary(),
        per_class: answers.per_class(),
        candidates,
        unknown: UnknownReport {
            threshold: unknown.as_ref().map(|rule| rounded(f64::from(rule.threshold))),
            false_reject: unknown.as_ref().map(|rule| rule.false_reject),
        },
        balance: data.options.balance,
        update: None,
    };
    let (labels, fingerprint) = (report.classes.clone(), data.dataset.fingerprint());
    Ok(HeadArtifact::new(ArtifactParts { head, labels, fingerprint, temperature, unknown, report })?)
}

fn check(options: &FitOptions) -> Result<(), FitError> {
    if options.folds < 2 {
        return Err(FitError::Folds(options.folds));
    }
    if !(0.0..1.0).contains(&options.false_reject) {
        return Err(FitError::FalseReject(options.false_reject));
    }
    match &options.penalties {
        Some(penalties) if penalties.is_empty() => Err(FitError::NoPenalty),
        Some(penalties) => match penalties.iter().find(|penalty| !(penalty.is_finite() && **penalty > 0.0)) {
            Some(penalty) => Err(FitError::Penalty(*penalty)),
            None => Ok(()),
        },
        None => Ok(()),
    }
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

fn kinds(choice: HeadChoice, data: &Prepared) -> Vec<HeadKind> {
    match choice {
        HeadChoice::Auto => HeadKind::ALL.into_iter().filter(|kind| Trial::is_affordable(*kind, data)).collect(),
        HeadChoice::Only(kind) => vec![kind],
    }
}

fn candidate(trial: &Trial, start: Instant, data: &Prepared) -> Candidate {
    let measured = !data.measured.is_empty();
    Candidate {
        head: trial.kind,
        penalty: trial.penalty,
        accuracy: measured.then(|| rounded(metrics::accuracy(trial.logits.view(), &data.truth))),
        nll: measured.then(|| rounded(data.loss(&trial.logits))),
        seconds: Some(start.elapsed().as_secs_f64()),
    }
}

/// The rule with the distance that better tells known samples from samples of a class left out.
fn unknown_rule(best: &Trial, data: &Prepared) -> Option<UnknownRule> {
    let (features, targets, classes) = (data.dataset.features(), data.dataset.targets(), data.dataset.labels().len());
    let rules = DistanceKind::ALL.into_iter().filter_map(|kind| {
        let distance = Distance::new(kind, features.view(), targets, classes);
        let known = out_of_fold(kind, &best.logits, data);
        let rule = UnknownRule::fit(distance, &known, data.options.false_reject)?;
        let apart = match classes {
            0..3 => 0.0,
            _ => rule.auroc(&out_of_fold(kind, &without_own_class(best, data), data), &known),
        };
        Some((rule, apart))
    });
    // The first of equals.
    rules.reduce(|best, other| if other.1 > best.1 { other } else { best }).map(|(rule, _)| rule)
}

/// Distances without a fold judge that fold, as the distance of all samples will judge new pictures.
fn out_of_fold(kind: DistanceKind, logits: &Array2<f32>, data: &Prepared) -> Evidence {
    let (features, targets) = (data.dataset.features(), data.dataset.targets());
    let mut evidence = Evidence::default();
    for fold in data.folds.iter() {
        let training = data.folds.training_rows(fold);
        let known: Vec<ClassIndex> = training.iter().map(|&row| targets[row]).collect();
        let features_known = features.select(Axis(0), &training);
        let distance = Distance::new(kind, features_known.view(), &known, data.dataset.labels().len());
        let (places, rows): (Vec<usize>, Vec<usize>) =
            fold.iter().filter_map(|row| Some((data.measured.binary_search(row).ok()?, *row))).unzip();
        let logits = logits.select(Axis(0), &places);
        evidence.extend(Evidence::gather(&distance, features.select(Axis(0), &rows).view(), logits.view()));
    }
    evidence
}

/// Out-of-fold logits in which each sample's own class has none to give: nearly what a head without the class says.
fn without_own_class(best: &Trial, data: &Prepared) -> Array2<f32> {
    let mut logits = best.logits.clone();
    for (mut row, target) in logits.rows_mut().into_iter().zip(&data.truth) {
        row[target.0] = f32::NEG_INFINITY;
    }
    logits
}

/// The out-of-fold answers of the head that was chosen.
struct OutOfFold<'a> {
    data: &'a Prepared<'a>,
    logits: &'a Array2<f32>,
    probabilities: Array2<f32>,
    confusion: Confusion,
}

impl<'a> OutOfFold<'a> {
    fn new(data: &'a Prepared, logits: &'a Array2<f32>, temperature: Temperature) -> Self {
        let probabilities = temperature.probabilities(logits.clone());
        let predicted = metrics::best_classes(logits.view());
        let confusion = Confusion::new(data.dataset.labels().len(), &data.truth, &predicted);
        Self { data, logits, probabilities, confusion }
    }

    fn summary(&self) -> CrossValidation {
        let truth = &self.data.truth;
        if truth.is_empty() {
            return CrossValidation::default();
        }
        let uncalibrated = Temperature::NEUTRAL.probabilities(self.logits.clone());
        CrossValidation {
            folds: self.data.folds.count(),
            samples: truth.len(),
            accuracy: Some(rounded(self.confusion.accuracy())),
            macro_f1: Some(rounded(self.confusion.macro_f1())),
            nll: Some(rounded(metrics::nll(self.probabilities.view(), truth))),
            ece: Some(rounded(metrics::ece(self.probabilities.view(), truth))),
            ece_uncalibrated: Some(rounded(metrics::ece(uncalibrated.view(), truth))),
        }
    }

    fn per_class(&self) -> Vec<ClassReport> {
        let counts = self.data.dataset.picture_counts();
        let classes = self.data.dataset.labels().iter().zip(counts).zip(self.confusion.per_class());
        let report = |((label, count), metrics): ((&Label, usize), ClassMetrics)| {
            let measured = |value| (metrics.count > 0).then(|| rounded(value));
            let (precision, recall, f1) = (measured(metrics.precision), measured(metrics.recall), measured(metrics.f1));
            ClassReport { label: label.clone(), count, precision, recall, f1 }
        };
        classes.map(report).collect()
    }
}
