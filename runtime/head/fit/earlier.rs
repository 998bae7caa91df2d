//! Whether the channels of earlier maps are learned from beside those of the last: where answers out of fold are clearly better.

use std::collections::HashMap;
use std::time::Instant;

use super::budget;
use super::candidates::retried;
use super::choose::ENOUGH_TO_COMPARE;
use super::prepared::{Prepared, Trial};
use crate::causes::causes;
use crate::dataset::{Dataset, GroupId};
use crate::head::models::HeadKind;
use crate::head::report::{Candidate, EarlierMapsReport, rounded};

/// The same samples on the last map alone and with earlier maps beside it.
pub struct Both<'a> {
    last: &'a Prepared<'a>,
    /// `None` where it is not asked for.
    wider: Option<Prepared<'a>>,
    reason: Option<String>,
}

/// What the comparison of both says.
pub struct Compared {
    /// Of the wider head.
    pub trial: Trial,
    /// How long trying it took.
    pub seconds: f64,
    pub used: bool,
}

impl<'a> Both<'a> {
    /// `wider` is the dataset of `last` with the channels of earlier maps; `None` where there are none.
    pub fn new(last: &'a Prepared<'a>, wider: Option<&'a Dataset>) -> Self {
        let Some(wider) = wider else { return Self { last, wider: None, reason: None } };
        match Self::reason(last).map_or_else(|| last.widened(wider).map_err(|error| causes(&error)), Err) {
            Ok(wider) => Self { last, wider: Some(wider), reason: None },
            Err(reason) => Self { last, wider: None, reason: Some(reason) },
        }
    }

    /// Why nothing is to be compared; `None` where it is.
    fn reason(last: &Prepared) -> Option<String> {
        let groups = groups(last).len();
        match last.options.earlier_maps {
            Some(false) => Some("not asked for".to_owned()),
            None if groups < ENOUGH_TO_COMPARE => {
                Some(format!("{groups} groups of pictures that can be held out are too few to compare by"))
            }
            _ => None,
        }
    }

    /// Makes the sums of both in one pass, where `kinds` need some and there is memory for the larger.
    pub fn share_sums(&self, kinds: &[HeadKind]) {
        let of_sums = |kind: &HeadKind| matches!(kind, HeadKind::Lda | HeadKind::Ridge);
        let Some(wider) = self.wider.as_ref().filter(|_| kinds.iter().any(of_sums)) else { return };
        if super::memory::of(HeadKind::Ridge, kinds.len() + 1, wider) <= wider.memory.limit() {
            self.last.share_sums_of(wider);
        }
    }

    /// Tries on both what is best on the last map alone, of the kinds that were `tried`. No report where there is one map.
    pub fn compare(&self, best: &Trial, tried: &[HeadKind]) -> (Option<Compared>, Option<EarlierMapsReport>) {
        let (last, all) = (self.last.dataset.last_dim(), self.last.dataset.width());
        let report = |used, gain: Option<(f64, f64)>, reason| {
            let [gain, error] = [gain.map(|(gain, _)| rounded(gain)), gain.map(|(_, error)| rounded(error))];
            (all > last).then(|| EarlierMapsReport { last, earlier: all - last, used, gain, error, reason })
        };
        let start = Instant::now();
        match self.wider_trial(best, tried) {
            Ok(trial) => {
                let gain = gain(best, &trial, self.last);
                let better = gain.is_some_and(|(gain, error)| gain > error);
                let used = self.last.options.earlier_maps.unwrap_or(better);
                let compared = Compared { trial, seconds: start.elapsed().as_secs_f64(), used };
                (Some(compared), report(used, gain, None))
            }
            Err(reason) => (None, report(false, None, reason)),
        }
    }

    /// The head of `best` on all channels; else why there is none.
    fn wider_trial(&self, best: &Trial, tried: &[HeadKind]) -> Result<Trial, Option<String>> {
        let wider = self.wider.as_ref().ok_or_else(|| self.reason.clone())?;
        match budget::too_much(&best.recipe, tried, self.last, wider) {
            Some(reason) => Err(Some(reason)),
            None => retried(&best.recipe, wider).map_err(|error| Some(causes(&error))),
        }
    }

    /// The samples with earlier maps.
    ///
    /// # Panics
    /// Where nothing was compared.
    pub fn into_wider(self) -> Prepared<'a> {
        self.wider.expect("compared")
    }
}

/// Puts the wider head first where it is kept, else among the others by its loss.
pub fn put_beside(candidates: &mut Vec<Candidate>, wider: Candidate, kept: bool) {
    let loss = |candidate: &Candidate| candidate.nll.or(candidate.rmse).unwrap_or(f64::INFINITY);
    let behind = candidates.iter().skip(1).position(|other| loss(other) > loss(&wider));
    let place = if kept { 0 } else { behind.map_or(candidates.len(), |place| place + 1) };
    candidates.insert(place, wider);
}

/// The measured rows of each group, by their places among these.
fn groups(data: &Prepared) -> Vec<Vec<usize>> {
    let mut groups: HashMap<GroupId, Vec<usize>> = HashMap::new();
    for (place, &row) in data.split.measured.iter().enumerate() {
        groups.entry(data.dataset.groups()[row]).or_default().push(place);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_unstable();
    groups
}

/// By how much less the mean loss of `wider` is than that of `last` on the same held-out samples, and the standard error
/// of that, in which samples of one group are one. `None` where nothing was held out.
///
/// Source: Cameron, Miller, "A Practitioner's Guide to Cluster-Robust Inference", 2015, equation 11 for a mean.
fn gain(last: &Trial, wider: &Trial, data: &Prepared) -> Option<(f64, f64)> {
    let losses = |trial: &Trial| data.rules().losses(&trial.outputs);
    let gaps: Vec<f64> = losses(last).iter().zip(losses(wider)).map(|(last, wider)| last - wider).collect();
    paired(&gaps, &groups(data))
}

/// The mean of `gaps` and its standard error; `groups` are places of gaps that belong together.
fn paired(gaps: &[f64], groups: &[Vec<usize>]) -> Option<(f64, f64)> {
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let of_group = |group: &Vec<usize>| group.iter().map(|&place| gaps[place] - mean).sum::<f64>().powi(2);
    let error = groups.iter().map(of_group).sum::<f64>().sqrt() / count;
    (!gaps.is_empty()).then_some((mean, error))
}

#[cfg(test)]
mod tests {
    use super::paired;

    #[test]
    fn the_error_of_a_mean_counts_a_group_once() {
        let single: Vec<Vec<usize>> = (0..4).map(|place| vec![place]).collect();
        // Deviations 1, -1, 1, -1: the mean of four independent ones has error 1/2.
        assert_eq!(paired(&[3.0, 1.0, 3.0, 1.0], &single), Some((2.0, 0.5)));
        // In two groups of two alike: as two independent ones of deviation 1.
        let (mean, error) = paired(&[3.0, 1.0, 3.0, 1.0], &[vec![0, 2], vec![1, 3]]).unwrap();
        assert!((mean - 2.0).abs() < 1e-12 && (error - 0.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(paired(&[], &[]), None);
    }
}
