//! Whether what would be fitted now answers worse than what would have been fitted without the pictures that are new.
//!
//! The live head saw its pictures, so nothing can be asked of it about them. In its place its recipe is fitted again in each fold on the
//! old pictures outside the fold, and the new recipe on all pictures outside it; both answer the pictures in the fold. Everything
//! that a recipe decides (the head, its penalty, its thresholds) is decided outside the fold.

mod judge;
mod paired;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use ndarray::Axis;

use self::judge::{Judge, Said, names, said, truth};
use self::paired::{Pair, means, width};
use crate::dataset::{Dataset, GroupId, SampleId, numbered};
use crate::head::error::FitError;
use crate::head::file::{HeadArtifact, HeadError};
use crate::head::folds::Folds;
use crate::head::models::Task;
use crate::head::options::FitOptions;
use crate::head::report::{
    Changes, ComparisonReport, Measure, NewClass, OldAgainstNew, Share, Verdict, rounded, significant,
};
use crate::head::twins::together;
use crate::labels::{Label, Labels};
use crate::tensor::Features;

/// Each fold takes two fits.
const FOLDS: usize = 5;

/// How many fits a comparison takes at most.
pub const COMPARISON_FITS: usize = 2 * FOLDS;

type Fit<'a> = &'a (dyn Fn(&Dataset) -> Result<HeadArtifact, FitError> + 'a);

/// Two ways to fit a head.
#[derive(Clone, Copy)]
pub struct Recipes<'a> {
    /// Those of the new one: their goal is what both are judged by.
    pub options: &'a FitOptions,
    pub old: Fit<'a>,
    pub new: Fit<'a>,
}

/// Old against new on held-out pictures.
#[derive(Clone, PartialEq, Debug)]
pub struct Compared {
    pub measure: Measure,
    pub verdict: Verdict,
    /// On pictures of classes that both know.
    pub all: Option<OldAgainstNew>,
    /// Of these, those that are not fresh.
    pub known: Option<OldAgainstNew>,
    pub new_classes: Vec<NewClass>,
    /// Whether the old recipe could not be fitted in any fold, while the new one could.
    pub old_unfit: bool,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    #[error("the comparison was stopped")]
    Stopped,
    #[error(transparent)]
    Fit(#[from] FitError),
    #[error(transparent)]
    Head(#[from] HeadError),
}

impl ComparisonReport {
    /// With the head `against`, from which the pictures have changed by `changes` since it was fitted.
    pub fn new(against: u64, compared: Compared, changes: Option<Changes>) -> Self {
        let Compared { measure, verdict, all, known, new_classes, old_unfit: _ } = compared;
        Self { against, verdict, measure, all, known, new_classes, changes, code: None, reason: None }
    }

    /// Where nothing was compared, because of `reason`, for which `code` is one word.
    pub fn none(against: u64, measure: Measure, changes: Option<Changes>, (code, reason): (&str, &str)) -> Self {
        let (verdict, new_classes) = (Verdict::NotCompared, Vec::new());
        let compared = Compared { measure, verdict, all: None, known: None, new_classes, old_unfit: false };
        let (code, reason) = (Some(code.to_owned()), Some(reason.to_owned()));
        Self { code, reason, ..Self::new(against, compared, changes) }
    }
}

/// Compares the old recipe on `dataset` without the samples that are `fresh` with the new one on all of it. Groups and near-twins
/// never straddle folds.
///
/// # Errors
/// When `stopped` says so, which is asked between two fits; when a label cannot be read as the task needs it.
pub fn compare(
    dataset: &Dataset,
    fresh: &HashSet<SampleId>,
    recipes: Recipes,
    stopped: &dyn Fn() -> bool,
) -> Result<Compared, CompareError> {
    let FitOptions { task, folds, seed, .. } = *recipes.options;
    let (dataset, _) = together(Cow::Borrowed(dataset), task == Task::Classification);
    let deal = if task == Task::Classification { Folds::new } else { Folds::by_group };
    let folds = deal(&dataset, folds.min(FOLDS), seed);
    let mut comparison = Comparison {
        truth: truth(&dataset, task)?,
        judge: Judge::new(recipes.options),
        old_labels: old_labels(&dataset, fresh, task)?,
        dataset: &dataset,
        fresh,
        pairs: Vec::new(),
        new_classes: BTreeMap::new(),
        fitted: (false, false),
    };
    for fold in folds.iter() {
        if let Some(trained) = comparison.trained((&folds, fold), recipes, stopped)? {
            comparison.judge_fold(fold, &trained)?;
        }
    }
    Ok(comparison.outcome())
}

/// The classes, or names, that samples which are not fresh have.
fn old_labels(dataset: &Dataset, fresh: &HashSet<SampleId>, task: Task) -> Result<Labels, FitError> {
    let old = (0..dataset.len()).filter(|&row| !fresh.contains(&dataset.ids()[row]));
    let label = |row: usize| dataset.labels().get(dataset.targets()[row]).expect("every class has a label");
    Ok(match task {
        Task::Regression => Labels::default(),
        Task::Classification => Labels::distinct(old.map(label)),
        Task::Multilabel => {
            let names = old.map(|row| label(row).names()).collect::<Result<Vec<_>, _>>()?;
            Labels::distinct(names.iter().flatten())
        }
    })
}

/// Heads that have not seen a fold.
struct Trained {
    old: HeadArtifact,
    new: HeadArtifact,
}

struct Comparison<'a> {
    dataset: &'a Dataset,
    fresh: &'a HashSet<SampleId>,
    truth: Vec<Said>,
    judge: Judge<'a>,
    old_labels: Labels,
    /// With whether the picture is fresh.
    pairs: Vec<(bool, Pair)>,
    /// Of each of its pictures, the group and whether it was found.
    new_classes: BTreeMap<Label, Vec<(GroupId, bool)>>,
    /// Whether the old recipe, and the new one, could be fitted in some fold.
    fitted: (bool, bool),
}

impl Comparison<'_> {
    /// `None` where one of the two cannot be fitted without the fold, as when a class has no other picture.
    fn trained(
        &mut self,
        (folds, fold): (&Folds, &[usize]),
        recipes: Recipes,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Option<Trained>, CompareError> {
        let rows = folds.training_rows(fold);
        let old: Vec<usize> =
            rows.iter().copied().filter(|&row| !self.fresh.contains(&self.dataset.ids()[row])).collect();
        let fitted = |fit: Fit, rows: &[usize]| {
            if stopped() {
                return Err(CompareError::Stopped);
            }
            let fitted = fit(&self.dataset.select(rows));
            Ok(fitted.inspect_err(|error| tracing::info!("a fold is not compared: {error}")).ok())
        };
        let (old, new) = (fitted(recipes.old, &old)?, fitted(recipes.new, &rows)?);
        self.fitted = (self.fitted.0 || old.is_some(), self.fitted.1 || new.is_some());
        Ok(old.zip(new).map(|(old, new)| Trained { old, new }))
    }

    fn judge_fold(&mut self, fold: &[usize], Trained { old, new }: &Trained) -> Result<(), HeadError> {
        let rows: Vec<usize> = fold.iter().copied().filter(|&row| !self.dataset.trains_only(row)).collect();
        let labels = self.dataset.labels();
        let features = || Features(self.dataset.features().select(Axis(0), &rows));
        let (said_by_old, said_by_new) = (said(old, features(), labels)?, said(new, features(), labels)?);
        let (old_names, new_names) = (names(old, labels), names(new, labels));
        let common: Vec<Label> = old_names.into_iter().filter(|name| new_names.contains(name)).collect();
        for ((&row, old), new) in rows.iter().zip(&said_by_old).zip(&said_by_new) {
            self.count_new(row, new);
            let truth = &self.truth[row];
            if matches!(truth, Said::Class(Some(label)) if !common.contains(label)) {
                continue;
            }
            let loss = |said| self.judge.loss(truth, said, &common);
            let pair = Pair {
                old: loss(old),
                new: loss(new),
                stratum: self.judge.stratum(truth, labels),
                group: self.dataset.groups()[row],
            };
            self.pairs.push((self.fresh.contains(&self.dataset.ids()[row]), pair));
        }
        Ok(())
    }

    /// Counts how often what the old recipe does not know is found.
    fn count_new(&mut self, row: usize, said: &Said) {
        let (labels, said): (&[Label], &[Label]) = match (&self.truth[row], said) {
            (Said::Class(Some(label)), Said::Class(said)) => (std::slice::from_ref(label), said.as_slice()),
            (Said::Names(names), Said::Names(said)) => (names, said),
            _ => return,
        };
        for label in labels.iter().filter(|label| self.old_labels.index_of(label).is_none()) {
            let found = (self.dataset.groups()[row], said.contains(label));
            self.new_classes.entry(label.clone()).or_default().push(found);
        }
    }

    fn outcome(&self) -> Compared {
        let measure = self.judge.measure;
        let of = |pairs: Vec<Pair>| against(measure, &pairs);
        let all = of(self.pairs.iter().map(|(_, pair)| *pair).collect());
        let known = of(self.pairs.iter().filter(|(fresh, _)| !fresh).map(|(_, pair)| *pair).collect());
        let share = |(label, pictures): (&Label, &Vec<(GroupId, bool)>)| {
            let groups = numbered(pictures.iter().map(|picture| picture.0));
            let found = groups.into_iter().zip(pictures.iter().map(|picture| picture.1));
            NewClass { label: label.clone(), found: Share::of_groups(found) }
        };
        Compared {
            measure,
            verdict: Verdict::of(all.as_ref(), known.as_ref()),
            all,
            known,
            new_classes: self.new_classes.iter().map(share).collect(),
            old_unfit: self.fitted == (false, true),
        }
    }
}

/// In the unit of the measure; `None` of no picture.
fn against(measure: Measure, pairs: &[Pair]) -> Option<OldAgainstNew> {
    let means = means(pairs)?;
    let (old, new) = (means.old, means.new);
    // The difference of roots is that of squares over their sum.
    let scale = match measure {
        Measure::RootMeanSquare => 1.0 / (old.sqrt() + new.sqrt()).max(f64::MIN_POSITIVE),
        _ => 1.0,
    };
    let shown = |loss: f64| match measure {
        Measure::RootMeanSquare => significant(loss.sqrt()),
        _ if measure.counts_right() => rounded(1.0 - loss),
        _ => rounded(loss),
    };
    let number = |value: f64| if measure == Measure::RootMeanSquare { significant(value) } else { rounded(value) };
    let (gain, error) = (means.gain * scale, means.error * scale);
    let reach = width(means.groups) * error;
    Some(OldAgainstNew {
        pictures: means.pictures,
        groups: means.groups,
        old: shown(old),
        new: shown(new),
        gain: number(gain),
        error: number(error),
        interval: (number(gain - reach), number(gain + reach)),
    })
}

#[cfg(test)]
mod tests;
