//! Whether transfer helped: the same heads on the same folds of other features.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::compare::{Comparison, compare_right};
use super::curve::parts;
use crate::dataset::{Dataset, GroupId, SampleId};
use crate::head::{Answers, FitError, FitOptions, HeadKind, cross_validate_choice, with_near_twins_together};
use crate::metrics::wilson_interval;

/// The same samples in the same order, as three features.
#[derive(Clone, Debug)]
pub struct ThreeFeatures {
    pub pixels: Dataset,
    pub random: Dataset,
    pub pretrained: Dataset,
}

/// Held-out accuracy from a share of the pictures.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BaselinePoint {
    /// Of the pictures that a head was cross-validated on.
    pub share: f64,
    /// How many were asked of all three, each once.
    pub asked: usize,
    pub pixels: BaselineRow,
    pub random: BaselineRow,
    pub pretrained: BaselineRow,
}

/// What heads on one feature answered.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BaselineRow {
    /// The kinds that were chosen on the parts.
    pub heads: Vec<HeadKind>,
    pub accuracy: f64,
    /// An interval of 95 %.
    pub low: f64,
    pub high: f64,
    /// How far the pretrained network is above this, and the standard error of that; `None` for itself.
    pub behind: Option<f64>,
    pub error: Option<f64>,
}

type Right = Vec<(SampleId, bool)>;

/// Cross-validates the head that `options` ask for on four quarters, both halves and all of the samples; a share of which
/// no part has two classes to learn is missing. Near-twins by the pretrained features are held out together for all.
///
/// # Errors
/// When not even all samples together give two classes to learn, or the options make no sense.
pub fn baseline(three: ThreeFeatures, options: &FitOptions) -> Result<Vec<BaselinePoint>, FitError> {
    let groups = with_near_twins_together(&three.pretrained).groups().to_vec();
    let features = [three.pixels, three.random, three.pretrained]
        .map(|dataset| dataset.with_groups(groups.clone()).expect("the same samples"));
    let parts = parts(&features[2], options.seed);
    let shares: [(f64, &[&[usize]]); 3] =
        [(0.25, &[&[0], &[1], &[2], &[3]]), (0.5, &[&[0, 1], &[2, 3]]), (1.0, &[&[0, 1, 2, 3]])];
    let mut points = Vec::new();
    for (share, subsets) in shares {
        let mut gathered: [(Vec<HeadKind>, Right); 3] = Default::default();
        for subset in subsets {
            let mut rows: Vec<usize> = subset.iter().flat_map(|&part| parts[part].iter().copied()).collect();
            rows.sort_unstable();
            match answered(&features, &rows, options) {
                Ok(answers) => gather(&mut gathered, answers),
                Err(FitError::OneClass(_) | FitError::NoSamples | FitError::Alike { .. }) if share < 1.0 => {}
                Err(error) => return Err(error),
            }
        }
        points.extend(point(share, gathered, &features[2]));
    }
    Ok(points)
}

fn answered(
    features: &[Dataset; 3],
    rows: &[usize],
    options: &FitOptions,
) -> Result<Vec<(HeadKind, Answers)>, FitError> {
    features.iter().map(|dataset| cross_validate_choice(&dataset.select(rows), options)).collect()
}

fn gather(gathered: &mut [(Vec<HeadKind>, Right); 3], answers: Vec<(HeadKind, Answers)>) {
    for ((heads, right), (head, answers)) in gathered.iter_mut().zip(answers) {
        if !heads.contains(&head) {
            heads.push(head);
        }
        right.extend(answers.ids.iter().copied().zip(answers.right()));
    }
}

/// `None` where nothing could be held out.
fn point(share: f64, mut gathered: [(Vec<HeadKind>, Right); 3], samples: &Dataset) -> Option<BaselinePoint> {
    let asked: [HashSet<SampleId>; 3] = [0, 1, 2].map(|at: usize| gathered[at].1.iter().map(|(id, _)| *id).collect());
    let common = |id: &SampleId| asked.iter().all(|asked| asked.contains(id));
    gathered.iter_mut().for_each(|(_, right)| right.retain(|(id, _)| common(id)));
    let groups: HashMap<SampleId, GroupId> =
        samples.ids().iter().copied().zip(samples.groups().iter().copied()).collect();
    let best = gathered[2].1.clone();
    let mut rows = gathered.into_iter().map(|(heads, right)| {
        let behind = compare_right(&best, &right, &|id| groups[&id])?;
        let count = right.iter().filter(|(_, right)| *right).count();
        let (low, high) = wilson_interval(count, right.len());
        let accuracy = count as f64 / right.len() as f64;
        let Comparison { gain, error, .. } = behind;
        Some(BaselineRow { heads, accuracy, low, high, behind: Some(gain), error: Some(error) })
    });
    let (pixels, random) = (rows.next()??, rows.next()??);
    let pretrained = BaselineRow { behind: None, error: None, ..rows.next()?? };
    Some(BaselinePoint { share, asked: best.len(), pixels, random, pretrained })
}
