//! Two ways of answering, on the same samples.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::dataset::{GroupId, SampleId};
use crate::head::Answers;

/// How much more often one names right what both were asked.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// How many samples both were asked.
    pub samples: usize,
    pub accuracy: f64,
    /// Accuracy above the other's, from -1 to 1.
    pub gain: f64,
    /// The standard error of `gain`.
    pub error: f64,
}

impl Comparison {
    /// Whether the gain is at least `least` and above two standard errors.
    pub fn is_clear(&self, least: f64) -> bool {
        self.gain >= least && self.gain > 2.0 * self.error
    }
}

/// `None` when no sample was asked of both.
pub fn compare(one: &Answers, other: &Answers) -> Option<Comparison> {
    compare_grouped(one, other, &|id| GroupId(id.0))
}

/// [`compare`], where samples of one group, as the frames of a burst, count as one for the error.
///
/// Source: the variance of a paired difference of proportions (McNemar, 1947), with half a sample added to each kind of
/// disagreement, so that a handful of samples is never certain; over groups as in Cameron, Miller, "A Practitioner's Guide to
/// Cluster-Robust Inference", 2015, equation 11 for a mean.
pub fn compare_grouped(one: &Answers, other: &Answers, group: &dyn Fn(SampleId) -> GroupId) -> Option<Comparison> {
    let right = |answers: &Answers| answers.ids.iter().copied().zip(answers.right()).collect::<Vec<_>>();
    compare_right(&right(one), &right(other), group)
}

/// [`compare_grouped`] of whether each sample was named right.
pub(super) fn compare_right(
    one: &[(SampleId, bool)],
    other: &[(SampleId, bool)],
    group: &dyn Fn(SampleId) -> GroupId,
) -> Option<Comparison> {
    let before: HashMap<SampleId, bool> = other.iter().copied().collect();
    let pairs = one.iter().filter_map(|(id, right)| Some((*id, *right, *before.get(id)?)));
    let pairs: Vec<(SampleId, bool, bool)> = pairs.collect();
    let samples = pairs.len() as f64;
    let gain = pairs.iter().map(|&(_, now, before)| gap(now, before)).sum::<f64>() / samples;
    let mut groups: BTreeMap<GroupId, f64> = BTreeMap::new();
    for &(id, now, before) in &pairs {
        *groups.entry(group(id)).or_default() += gap(now, before) - gain;
    }
    let spread: f64 = groups.values().map(|gap| gap * gap).sum();
    let accuracy = pairs.iter().filter(|(_, now, _)| *now).count() as f64 / samples;
    let error = (spread + 1.0).sqrt() / samples;
    (!pairs.is_empty()).then_some(Comparison { samples: pairs.len(), accuracy, gain, error })
}

/// 1 for a sample that is right only now, -1 for one that was right only before.
fn gap(now: bool, before: bool) -> f64 {
    f64::from(u8::from(now)) - f64::from(u8::from(before))
}
