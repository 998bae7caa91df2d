//! Learning from pictures without a label: a head guesses labels, and those it is sure of train the next one.
//!
//! Source: Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method", 2013, with the guesses filtered
//! by confidence and by agreement with the nearest labelled samples. What they do is measured on labelled samples that
//! neither the guessing head nor the one that learns from the guesses has seen; guesses are never held out.

use ndarray::{Array2, Axis, s};

use crate::dataset::{Dataset, GroupId, TrainingRows, Unlabelled, numbered};
use crate::head::calibration::Temperature;
use crate::head::error::FitError;
use crate::head::file::HeadArtifact;
use crate::head::fit::fit;
use crate::head::folds::Folds;
use crate::head::models::normalize_rows;
use crate::head::options::{FitOptions, HeadChoice};
use crate::head::report::{CrossValidation, GuessCount, GuessReport, HeldOut, Share, TaskReport, rounded};
use crate::head::task::with_present_classes;
use crate::head::twins::together_with;
use crate::labels::ClassIndex;
use crate::metrics::{self, Confusion};
use crate::tensor::Features;
use edgetl_algebra::{get_global_parallelism, product};

/// How many labelled neighbours are asked, and how many of them must agree.
const NEIGHBOURS: usize = 3;
const MAJORITY: usize = 2;

/// Fits `dataset` as [`fit`] does, then once more with the unlabelled samples that the first head gives a probability of
/// at least `confidence`, does not call unknown and names as their nearest labelled samples do. The second head is given
/// back when it answers held-out samples at least as well, else the first; the report says which, and has both numbers.
///
/// Held-out numbers and temperature of the second head come from folds in which the guesses, too, are made without the
/// fold.
///
/// # Errors
/// As [`fit`].
pub fn fit_with_guesses(
    dataset: &Dataset,
    unlabelled: &Unlabelled,
    options: &FitOptions,
    confidence: f64,
) -> Result<HeadArtifact, FitError> {
    let given = with_present_classes(dataset)?;
    let first = fit(&given, options)?;
    let (dataset, unlabelled) = &together_with(&given, unlabelled);
    // Only the guesses differ between the two.
    let penalties = first.report().candidates[0].penalty.map(|penalty| vec![penalty]);
    let earlier_maps = first.report().earlier_maps.as_ref().map(|earlier| earlier.used);
    let head = HeadChoice::Only(first.report().head);
    let narrowed = FitOptions { head, penalties, earlier_maps, ..options.clone() };
    let labelling = PseudoLabelling { dataset, unlabelled, options: &narrowed, confidence };
    let all: Vec<usize> = (0..unlabelled.ids.len()).collect();
    let guesses = labelling.guesses(&first, dataset, &all);
    let effect = labelling.effect()?;
    let (without, with) = (effect.without.held_out(&effect.truth), effect.with.held_out(&effect.truth));
    let used = !guesses.is_empty() && with.accuracy >= without.accuracy;
    let report = GuessReport {
        confidence,
        unlabelled: unlabelled.ids.len(),
        taken: labelling.counts(&guesses),
        without,
        with,
        used,
    };
    let mut parts = match used {
        true => fit(&labelling.extended(dataset, &guesses), &narrowed)?.0,
        false => first.0.clone(),
    };
    // Groups came to the second head widened already.
    parts.report.near_twins = first.report().near_twins.clone();
    if let Some(near_twins) = parts.report.near_twins.as_mut().filter(|_| used) {
        near_twins.accuracy_without = None;
    }
    parts.report.views = first.report().views;
    parts.report.candidates = first.report().candidates.clone();
    parts.report.earlier_maps = first.report().earlier_maps.clone();
    if let TaskReport::Classes(classes) = &mut parts.report.task {
        if used && !effect.truth.is_empty() {
            parts.temperature = Temperature::fit(effect.with.logits.view(), &effect.truth);
            classes.cv = effect.summary(parts.temperature, dataset.labels().len());
        }
        classes.pseudo_labels = Some(report);
    }
    parts.options = Some(options.clone());
    Ok(HeadArtifact::new(parts)?)
}

struct Guess {
    /// Of the unlabelled samples.
    row: usize,
    class: ClassIndex,
}

struct PseudoLabelling<'a> {
    dataset: &'a Dataset,
    unlabelled: &'a Unlabelled,
    options: &'a FitOptions,
    confidence: f64,
}

/// Answers to held-out samples.
struct Answers {
    logits: Array2<f32>,
    probabilities: Array2<f32>,
}

struct Effect {
    folds: usize,
    truth: Vec<ClassIndex>,
    groups: Vec<GroupId>,
    without: Answers,
    with: Answers,
}

impl PseudoLabelling<'_> {
    /// Of the unlabelled `rows`, those that `head` and their neighbours in `labelled` are sure of.
    fn guesses(&self, head: &HeadArtifact, labelled: &Dataset, rows: &[usize]) -> Vec<Guess> {
        if rows.is_empty() || self.unlabelled.features.ncols() != labelled.width() {
            return Vec::new();
        }
        let features = self.unlabelled.features.select(Axis(0), rows);
        let neighbours = nearest_labels(&features, labelled);
        let Ok(scores) = head.predict(&Features(features)) else { return Vec::new() };
        let sure = rows.iter().zip(scores).zip(neighbours).filter_map(|((&row, scores), neighbours)| {
            let class = scores.best();
            let confident = f64::from(scores.probabilities[class.0]) >= self.confidence && !scores.unknown;
            let agreeing = neighbours.iter().filter(|&&neighbour| neighbour == class).count();
            (confident && agreeing >= MAJORITY.min(neighbours.len())).then_some(Guess { row, class })
        });
        sure.collect()
    }

    fn extended(&self, labelled: &Dataset, guesses: &[Guess]) -> Dataset {
        let rows: Vec<usize> = guesses.iter().map(|guess| guess.row).collect();
        let guessed = TrainingRows {
            features: self.unlabelled.features.select(Axis(0), &rows),
            targets: guesses.iter().map(|guess| guess.class).collect(),
            groups: rows.iter().map(|&row| self.unlabelled.groups[row]).collect(),
            ids: rows.iter().map(|&row| self.unlabelled.ids[row]).collect(),
        };
        if guesses.is_empty() {
            return labelled.clone();
        }
        labelled.clone().with_training_rows(guessed).expect("as wide, finite, and of its classes")
    }

    /// Both heads on samples that neither has seen.
    fn effect(&self) -> Result<Effect, FitError> {
        let folds = Folds::new(self.dataset, self.options.folds, self.options.seed);
        let classes = self.dataset.labels().len();
        let mut effect = Effect {
            folds: folds.count(),
            truth: Vec::new(),
            groups: Vec::new(),
            without: Answers::none(classes),
            with: Answers::none(classes),
        };
        for fold in folds.iter() {
            let training = self.dataset.select(&folds.training_rows(fold));
            let measured: Vec<usize> = fold.iter().copied().filter(|&row| !self.dataset.trains_only(row)).collect();
            let held_out = Features(self.dataset.features().select(Axis(0), &measured));
            let free = self.outside_the_groups(fold);
            let without = fit(&training, self.options)?;
            let guesses = self.guesses(&without, &training, &free);
            let with = fit(&self.extended(&training, &guesses), self.options)?;
            effect.without.extend(&without, &held_out);
            effect.with.extend(&with, &held_out);
            effect.truth.extend(measured.iter().map(|&row| self.dataset.targets()[row]));
            effect.groups.extend(measured.iter().map(|&row| self.dataset.groups()[row]));
        }
        Ok(effect)
    }

    /// The unlabelled samples that share no group with a sample of `fold`.
    fn outside_the_groups(&self, fold: &[usize]) -> Vec<usize> {
        let held: std::collections::HashSet<_> = fold.iter().map(|&row| self.dataset.groups()[row]).collect();
        (0..self.unlabelled.ids.len()).filter(|&row| !held.contains(&self.unlabelled.groups[row])).collect()
    }

    fn counts(&self, guesses: &[Guess]) -> Vec<GuessCount> {
        let count = |class: usize| guesses.iter().filter(|guess| guess.class.0 == class).count();
        let labels = self.dataset.labels().iter().enumerate();
        labels.map(|(class, label)| GuessCount { label: label.clone(), count: count(class) }).collect()
    }
}

impl Answers {
    fn none(classes: usize) -> Self {
        Self { logits: Array2::zeros((0, classes)), probabilities: Array2::zeros((0, classes)) }
    }

    fn extend(&mut self, head: &HeadArtifact, features: &Features) {
        let logits = head.logits(features).expect("features of the same dataset");
        self.probabilities.append(Axis(0), head.temperature().probabilities(logits.clone()).view()).expect("as wide");
        self.logits.append(Axis(0), logits.view()).expect("as wide");
    }

    fn held_out(&self, truth: &[ClassIndex]) -> HeldOut {
        let measured = |value: f64| (!truth.is_empty()).then(|| rounded(value));
        HeldOut {
            accuracy: measured(metrics::accuracy(self.probabilities.view(), truth)),
            nll: measured(metrics::nll(self.probabilities.view(), truth)),
        }
    }
}

impl Effect {
    /// The held-out numbers of the head that learned from guesses.
    fn summary(&self, temperature: Temperature, classes: usize) -> CrossValidation {
        let (truth, logits) = (&self.truth, &self.with.logits);
        let probabilities = temperature.probabilities(logits.clone());
        let uncalibrated = Temperature::NEUTRAL.probabilities(logits.clone());
        let best = metrics::best_classes(logits.view());
        let confusion = Confusion::new(classes, truth, &best);
        let right = best.iter().zip(truth).map(|(best, own)| best == own);
        let right = Share::of_groups(numbered(&self.groups).into_iter().zip(right));
        CrossValidation {
            folds: self.folds,
            samples: truth.len(),
            accuracy: Some(rounded(confusion.accuracy())),
            accuracy_interval: Some((right.low, right.high)),
            balanced_accuracy: Some(rounded(confusion.balanced_accuracy())),
            macro_f1: Some(rounded(confusion.macro_f1())),
            nll: Some(rounded(metrics::nll(probabilities.view(), truth))),
            ece: Some(rounded(metrics::ece(probabilities.view(), truth))),
            ece_uncalibrated: Some(rounded(metrics::ece(uncalibrated.view(), truth))),
        }
    }
}

/// The classes of the labelled samples nearest to each row, by cosine.
fn nearest_labels(features: &Array2<f32>, labelled: &Dataset) -> Vec<Vec<ClassIndex>> {
    let (mut asked, mut known) = (features.slice(s![.., ..labelled.dim()]).to_owned(), labelled.learned().to_owned());
    normalize_rows(&mut asked);
    normalize_rows(&mut known);
    let cosines = product(asked.view(), known.t(), get_global_parallelism());
    let nearest = |row: ndarray::ArrayView1<f32>| {
        let mut places: Vec<usize> = (0..row.len()).collect();
        places.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
        places.iter().take(NEIGHBOURS).map(|&place| labelled.targets()[place]).collect()
    };
    cosines.rows().into_iter().map(nearest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{DatasetParts, GroupId, SampleId};
    use crate::digest::{Digest, Fingerprint};
    use crate::head::models::HeadKind;
    use crate::labels::{Label, Labels};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    const CHANNELS: usize = 24;

    /// Samples of class `sample % 3` around three centres, each with an offset of its own along every channel.
    fn features(count: usize, seed: u64, spread: f32) -> Array2<f32> {
        let mut random = Pcg64::seed_from_u64(seed);
        Array2::from_shape_fn((count, CHANNELS), |(sample, channel)| {
            let centre = if channel % 3 == sample % 3 { 2.0 } else { 1.0 };
            centre + random.random_range(-spread..spread)
        })
    }

    fn labelled(count: usize, spread: f32) -> Dataset {
        Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"backbone")),
            features: features(count, 1, spread),
            targets: (0..count).map(|sample| ClassIndex(sample % 3)).collect(),
            groups: (0..count as i64).map(GroupId).collect(),
            ids: (0..count as i64).map(SampleId).collect(),
            labels: Labels::new(["ant", "bee", "wasp"].map(|label| Label::new(label).unwrap()).to_vec()).unwrap(),
        })
        .unwrap()
    }

    fn unlabelled(count: usize, spread: f32) -> Unlabelled {
        let ids = 1000..1000 + count as i64;
        Unlabelled {
            features: features(count, 2, spread),
            ids: ids.clone().map(SampleId).collect(),
            groups: ids.map(GroupId).collect(),
        }
    }

    fn options() -> FitOptions {
        FitOptions { head: HeadChoice::Only(HeadKind::Ridge), ..FitOptions::default() }
    }

    #[test]
    fn sure_guesses_train_and_only_labelled_samples_are_measured() {
        let (dataset, unlabelled) = (labelled(18, 1.2), unlabelled(150, 1.2));
        let head = fit_with_guesses(&dataset, &unlabelled, &options(), 0.9).unwrap();
        let report = head.report();
        let guesses = report.of_classes().and_then(|report| report.pseudo_labels.clone()).unwrap();
        let taken: usize = guesses.taken.iter().map(|class| class.count).sum();
        assert!((20..=150).contains(&taken), "{guesses:?}");
        assert_eq!((report.samples, report.views, report.cv().samples), (18, 0, 18));
        assert_eq!(guesses.unlabelled, 150);
        let asked = features(300, 3, 1.2);
        let truth: Vec<ClassIndex> = (0..300).map(|sample| ClassIndex(sample % 3)).collect();
        let accuracy =
            |head: &HeadArtifact| metrics::accuracy(head.logits(&Features(asked.clone())).unwrap().view(), &truth);
        let first = fit(&dataset, &options()).unwrap();
        assert!(guesses.used && accuracy(&head) > accuracy(&first), "{} {}", accuracy(&head), accuracy(&first));
        assert_eq!(report.cv().accuracy, guesses.with.accuracy);
        assert_eq!(head.to_bytes(), fit_with_guesses(&dataset, &unlabelled, &options(), 0.9).unwrap().to_bytes());
    }

    #[test]
    fn without_a_sure_guess_the_head_is_the_one_of_the_labelled_samples() {
        let dataset = labelled(18, 1.2);
        let between = Unlabelled { features: Array2::from_elem((30, CHANNELS), 4.0 / 3.0), ..unlabelled(30, 1.2) };
        let head = fit_with_guesses(&dataset, &between, &options(), 0.99).unwrap();
        let guesses = head.report().of_classes().and_then(|report| report.pseudo_labels.clone()).unwrap();
        assert!(!guesses.used && guesses.taken.iter().all(|class| class.count == 0), "{guesses:?}");
        assert_eq!(head.head(), fit(&dataset, &options()).unwrap().head());
    }

    #[test]
    fn guesses_that_do_harm_are_shown_and_not_learned_from() {
        let dataset = labelled(60, 1.2);
        let foreign = Unlabelled { features: features(30, 2, 0.5) * -50.0, ..unlabelled(30, 1.2) };
        let head = fit_with_guesses(&dataset, &foreign, &options(), 0.99).unwrap();
        let guesses = head.report().of_classes().and_then(|report| report.pseudo_labels.clone()).unwrap();
        assert!(guesses.taken.iter().any(|class| class.count > 0) && guesses.with.accuracy < guesses.without.accuracy);
        assert!(!guesses.used);
        assert_eq!(head.head(), fit(&dataset, &options()).unwrap().head());
    }

    #[test]
    fn a_fold_is_not_learned_from_through_guesses_in_its_groups() {
        let dataset = labelled(18, 1.2);
        let shared = Unlabelled { groups: (0..30).map(|row| GroupId(row % 18)).collect(), ..unlabelled(30, 1.2) };
        let options = options();
        let labelling = PseudoLabelling { dataset: &dataset, unlabelled: &shared, options: &options, confidence: 0.9 };
        let free = labelling.outside_the_groups(&[0, 5]);
        assert!(free.iter().all(|row| row % 18 != 0 && row % 18 != 5) && free.len() == 26);
    }
}
