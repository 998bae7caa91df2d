//! How accuracy grows with the number of pictures, measured.

use std::collections::{BTreeMap, HashMap};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use serde::Serialize;

use crate::dataset::{Dataset, GroupId, SampleId};
use crate::head::{Answers, FitError, FitOptions, HeadKind, cross_validate_groups, with_near_twins_together};
use crate::labels::Label;

/// The samples are dealt into so many parts.
const PARTS: usize = 4;

/// Cross-validated accuracy at a quarter, half, three quarters and all of the pictures.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct LearningCurve {
    pub head: HeadKind,
    /// From few pictures to all; shares at which nothing could be measured are missing.
    pub points: Vec<CurvePoint>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct CurvePoint {
    /// The share of the samples that were used.
    pub share: f64,
    /// How many pictures of a class a head learned from, the mean over the classes.
    pub pictures: f64,
    pub accuracy: f64,
    /// In the order of the dataset's labels.
    pub per_class: Vec<ClassPoint>,
    /// How often each sample was named right and how often it was asked, for resampling.
    #[serde(skip)]
    pub(super) outcomes: BTreeMap<SampleId, Outcome>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct ClassPoint {
    pub label: Label,
    /// How many of its pictures a head learned from.
    pub pictures: f64,
    /// How many were asked, and how many of them were named right.
    pub asked: f64,
    pub right: f64,
}

impl ClassPoint {
    /// NaN when none was asked.
    pub fn accuracy(&self) -> f64 {
        self.right / self.asked
    }
}

/// How often one sample was asked and named right.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Outcome {
    pub class: usize,
    pub asked: f64,
    pub right: f64,
}

/// Cross-validates heads of this `kind` on parts of `dataset`: on each of four quarters, both halves, four times three
/// quarters and on everything, so that every sample is asked at every share. Parts keep groups whole.
///
/// # Errors
/// When not even all samples together give two classes to learn, or the options make no sense.
pub fn learning_curve(dataset: &Dataset, kind: HeadKind, options: &FitOptions) -> Result<LearningCurve, FitError> {
    // A quarter of the pictures is a quarter of the scenes, and not a few frames of each.
    let dataset = &*with_near_twins_together(dataset);
    let parts = parts(dataset, options.seed);
    let joined = |numbers: &[usize]| {
        let mut rows: Vec<usize> = numbers.iter().flat_map(|&part| parts[part].iter().copied()).collect();
        rows.sort_unstable();
        rows
    };
    let shares: [&[&[usize]]; PARTS] = [
        &[&[0], &[1], &[2], &[3]],
        &[&[0, 1], &[2, 3]],
        &[&[1, 2, 3], &[0, 2, 3], &[0, 1, 3], &[0, 1, 2]],
        &[&[0, 1, 2, 3]],
    ];
    let mut points = Vec::new();
    for (number, subsets) in shares.iter().enumerate() {
        let mut gathered = Gathered::new(dataset);
        for subset in *subsets {
            let subset = dataset.select(&joined(subset));
            match cross_validate_groups(&subset, kind, options) {
                Ok(answers) => gathered.add(&subset, &answers, options.folds),
                // A part may lack all but one class.
                Err(FitError::OneClass(_) | FitError::NoSamples) if number + 1 < PARTS => {}
                Err(error) => return Err(error),
            }
        }
        points.extend(gathered.point((number + 1) as f64 / PARTS as f64, subsets.len()));
    }
    Ok(LearningCurve { head: kind, points })
}

/// Rows dealt into parts of nearly the same number of groups of each class.
pub(super) fn parts(dataset: &Dataset, seed: u64) -> [Vec<usize>; PARTS] {
    let mut groups = BTreeMap::<GroupId, Vec<usize>>::new();
    for (row, group) in dataset.groups().iter().enumerate() {
        groups.entry(*group).or_default().push(row);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.shuffle(&mut Pcg64::seed_from_u64(seed));
    let mut dealt = vec![0; dataset.labels().len()];
    let mut parts: [Vec<usize>; PARTS] = Default::default();
    for group in groups {
        let class = dataset.targets()[group[0]].0;
        parts[(dealt[class] + class) % PARTS].extend(group);
        dealt[class] += 1;
    }
    parts
}

/// What the subsets of one share gave.
struct Gathered<'a> {
    dataset: &'a Dataset,
    classes: HashMap<SampleId, usize>,
    outcomes: BTreeMap<SampleId, Outcome>,
    /// Of each class, over all subsets.
    learned_from: Vec<f64>,
}

impl<'a> Gathered<'a> {
    fn new(dataset: &'a Dataset) -> Self {
        let classes = dataset.ids().iter().copied().zip(dataset.targets().iter().map(|target| target.0)).collect();
        let learned_from = vec![0.0; dataset.labels().len()];
        Self { dataset, classes, outcomes: BTreeMap::new(), learned_from }
    }

    fn add(&mut self, subset: &Dataset, answers: &Answers, folds: usize) {
        let kept = (folds as f64 - 1.0) / folds as f64;
        for (learned, count) in self.learned_from.iter_mut().zip(subset.class_counts()) {
            *learned += count as f64 * kept;
        }
        for (id, right) in answers.ids.iter().zip(answers.right()) {
            let class = self.classes[id];
            let outcome = self.outcomes.entry(*id).or_insert(Outcome { class, ..Outcome::default() });
            outcome.asked += 1.0;
            outcome.right += f64::from(u8::from(right));
        }
    }

    /// `None` when nothing was measured.
    fn point(self, share: f64, subsets: usize) -> Option<CurvePoint> {
        let labels = self.dataset.labels().iter();
        let mut per_class: Vec<ClassPoint> = labels
            .zip(&self.learned_from)
            .map(|(label, learned)| {
                let pictures = learned / subsets as f64;
                ClassPoint { label: label.clone(), pictures, asked: 0.0, right: 0.0 }
            })
            .collect();
        for outcome in self.outcomes.values() {
            // A sample counts once, however many subsets asked it.
            per_class[outcome.class].asked += 1.0;
            per_class[outcome.class].right += outcome.right / outcome.asked;
        }
        let present = per_class.iter().filter(|class| class.pictures > 0.0).count();
        let pictures = per_class.iter().map(|class| class.pictures).sum::<f64>() / present.max(1) as f64;
        let (asked, right) = per_class.iter().fold((0.0, 0.0), |(a, r), class| (a + class.asked, r + class.right));
        (asked > 0.0).then(|| CurvePoint {
            share,
            pictures,
            accuracy: right / asked,
            per_class,
            outcomes: self.outcomes,
        })
    }
}
