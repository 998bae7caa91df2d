//! Two ways of answering, on the same samples.

use std::collections::HashMap;

use serde::Serialize;

use crate::dataset::SampleId;
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
///
/// Source: the variance of a paired difference of proportions (McNemar, 1947), with half a sample added to each kind of
/// disagreement, so that a handful of samples is never certain.
pub fn compare(one: &Answers, other: &Answers) -> Option<Comparison> {
    let before: HashMap<SampleId, bool> = other.ids.iter().copied().zip(other.right()).collect();
    let pairs: Vec<(bool, bool)> =
        one.ids.iter().zip(one.right()).filter_map(|(id, right)| Some((right, *before.get(id)?))).collect();
    let count = |wanted: (bool, bool)| pairs.iter().filter(|pair| **pair == wanted).count() as f64;
    let (gained, lost, samples) = (count((true, false)), count((false, true)), pairs.len() as f64);
    let gain = (gained - lost) / samples;
    let variance = ((gained + lost + 1.0) / samples - gain * gain).max(0.0) / samples;
    let accuracy = (count((true, true)) + gained) / samples;
    (!pairs.is_empty()).then(|| Comparison { samples: pairs.len(), accuracy, gain, error: variance.sqrt() })
}
