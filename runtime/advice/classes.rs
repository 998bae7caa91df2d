//! Which classes the pictures do not suffice for, and what a few more of one would bring.

use serde::Serialize;

use super::projection::{Interval, Projection};
use crate::dataset::Dataset;
use crate::head::Answers;
use crate::labels::{ClassIndex, Label};
use crate::metrics::wilson_interval;

/// With fewer pictures neither a head nor its numbers can be relied on.
pub const TOO_FEW: usize = 10;
/// The share named right that is aimed at where nobody asks for another.
pub const TARGET: f64 = 0.95;
/// Accuracy that is worth collecting for.
const WORTH_COLLECTING: f64 = 0.01;

/// A class of which clearly fewer pictures are named right than was asked for.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct MissedClass {
    pub label: Label,
    pub pictures: usize,
    pub held_out: usize,
    /// Of those held out, how many were named right.
    pub right: usize,
    /// The share of its pictures named right, with an interval of 95 %; `None` where none could be held out.
    pub recall: Option<f64>,
    pub low: f64,
    pub high: f64,
}

/// The classes of `dataset` that miss `target` beyond chance, and those of which none could be held out; the worst first.
pub fn missed(dataset: &Dataset, answers: &Answers, target: f64) -> Vec<MissedClass> {
    let counts = dataset.class_counts();
    let (mut held_out, mut right) = (vec![0; counts.len()], vec![0; counts.len()]);
    for (truth, is_right) in answers.truth.iter().zip(answers.right()) {
        held_out[truth.0] += 1;
        right[truth.0] += usize::from(is_right);
    }
    let class = |number: usize| {
        let (low, high) = wilson_interval(right[number], held_out[number]);
        let recall = (held_out[number] > 0).then(|| right[number] as f64 / held_out[number] as f64);
        let label = dataset.labels().get(ClassIndex(number)).expect("a class of it").clone();
        MissedClass {
            label,
            pictures: counts[number],
            held_out: held_out[number],
            right: right[number],
            recall,
            low,
            high,
        }
    };
    let is_missed = |class: &MissedClass| class.recall.is_none() || class.high < target;
    let mut missed: Vec<MissedClass> = (0..counts.len()).map(class).filter(is_missed).collect();
    missed.sort_by(|a, b| a.recall.unwrap_or(0.0).total_cmp(&b.recall.unwrap_or(0.0)));
    missed
}

/// The class to take more pictures of, and what they would bring.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct NextClass {
    pub label: Label,
    pub pictures: usize,
    pub more: usize,
    /// The share of its pictures named right now and with so many more; `None` for a class of too few to tell.
    pub now: Option<f64>,
    pub then: Option<Interval>,
}

/// The smallest class while it has too few pictures to tell anything, else the worst one that gains by more. `None` where no class gains a
/// point.
pub fn next_class(dataset: &Dataset, projection: Option<&Projection>) -> Option<NextClass> {
    let (number, pictures) = smallest(dataset)?;
    if pictures < TOO_FEW {
        let label = dataset.labels().get(number)?.clone();
        return Some(NextClass { label, pictures, more: TOO_FEW - pictures, now: None, then: None });
    }
    let worth = |class: &&super::ClassProjection| {
        class.step.as_ref().is_some_and(|step| step.then.middle - class.now >= WORTH_COLLECTING)
    };
    let class = projection?.classes.iter().filter(worth).min_by(|a, b| a.now.total_cmp(&b.now))?;
    let step = class.step.as_ref()?;
    Some(NextClass {
        label: class.label.clone(),
        pictures: class.pictures,
        more: step.more,
        now: Some(class.now),
        then: Some(step.then),
    })
}

/// The class of the fewest pictures.
pub fn smallest(dataset: &Dataset) -> Option<(ClassIndex, usize)> {
    let counts = dataset.class_counts().into_iter().enumerate();
    counts.min_by_key(|(_, count)| *count).map(|(number, count)| (ClassIndex(number), count))
}
