//! The same pictures, groups and folds for every backbone; then the best of them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::report::{CompareReport, ComparedBackbone};
use crate::advice::{Comparison, compare_grouped};
use crate::causes::causes;
use crate::dataset::{Dataset, GroupId, SampleId};
use crate::device::Device;
use crate::device::error::DeviceError;
use crate::digest::Fingerprint;
use crate::head::{Answers, FitOptions, Share, cross_validate_choice, with_near_twins_together};
use crate::store::{FeatureCount, Selection, Store};

/// How much less of the time of the recommended backbone another must take to be named beside it.
const WORTH_NAMING: f64 = 0.8;

/// A row with what its heads answered.
type Judged = (ComparedBackbone, Option<Answers>);

/// Puts accuracies, differences and the choice into `report`.
pub fn judge(
    device: &Device,
    store: &Store,
    options: &FitOptions,
    report: &mut CompareReport,
) -> Result<(), DeviceError> {
    let stored = store.fingerprints()?;
    let rows = std::mem::take(&mut report.backbones);
    let common = Common::find(device, store, &stored, &rows)?;
    let mut judged: Vec<Judged> = Vec::new();
    for mut row in rows {
        let answers = match common.features(device, store, &row.fingerprint)? {
            Ok(dataset) => {
                (report.pictures, report.classes) = (dataset.len(), classes(&dataset));
                row.answer(&dataset, options)
            }
            Err(reason) => {
                row.reason.get_or_insert(reason);
                None
            }
        };
        judged.push((row, answers));
    }
    choose(judged, &common, report);
    Ok(())
}

/// What all backbones are asked.
struct Common {
    /// Samples with features of every backbone that has some of about as many as the others.
    ids: HashSet<SampleId>,
    /// What is a near-twin to one backbone shares a group for all.
    groups: HashMap<SampleId, GroupId>,
    /// Fingerprints that take part.
    taking_part: HashSet<Fingerprint>,
}

impl Common {
    fn find(
        device: &Device,
        store: &Store,
        stored: &[FeatureCount],
        rows: &[ComparedBackbone],
    ) -> Result<Self, DeviceError> {
        let mut common = Self { ids: HashSet::new(), groups: HashMap::new(), taking_part: HashSet::new() };
        let count = |fingerprint: &Fingerprint| {
            stored.iter().find(|stored| stored.fingerprint == *fingerprint).map_or(0, |stored| stored.samples)
        };
        let most = rows.iter().map(|row| count(&row.fingerprint)).max().unwrap_or(0);
        for row in rows.iter().filter(|row| count(&row.fingerprint) > most / 2) {
            let dataset = device.dataset(store, &row.fingerprint, &Selection::default())?;
            common.take(&dataset);
        }
        Ok(common)
    }

    /// Leaves the samples that `dataset` has too, and joins the groups of what are near-twins in it.
    fn take(&mut self, dataset: &Dataset) {
        let ids: HashSet<SampleId> = dataset.ids().iter().copied().collect();
        match self.taking_part.is_empty() {
            true => self.ids = ids,
            false => self.ids.retain(|id| ids.contains(id)),
        }
        self.taking_part.insert(dataset.fingerprint());
        let grouped = dataset.clone().with_groups(self.groups_of(dataset)).expect("one a row");
        let together = with_near_twins_together(&grouped);
        let before = grouped.groups().iter().copied();
        let joined: HashMap<GroupId, GroupId> = before.zip(together.groups().iter().copied()).collect();
        for group in self.groups.values_mut() {
            *group = joined.get(group).copied().unwrap_or(*group);
        }
        self.groups.extend(dataset.ids().iter().copied().zip(together.groups().iter().copied()));
    }

    fn groups_of(&self, dataset: &Dataset) -> Vec<GroupId> {
        let own = dataset.ids().iter().zip(dataset.groups());
        own.map(|(id, group)| self.groups.get(id).copied().unwrap_or(*group)).collect()
    }

    /// The common samples with the features of one backbone; else why it takes no part.
    fn features(
        &self,
        device: &Device,
        store: &Store,
        fingerprint: &Fingerprint,
    ) -> Result<Result<Dataset, String>, DeviceError> {
        if !self.taking_part.contains(fingerprint) {
            return Ok(Err("too few of the stored pictures could be read again".to_owned()));
        }
        let dataset = device.dataset(store, fingerprint, &Selection::default())?;
        let places: Vec<usize> = (0..dataset.len()).filter(|&place| self.ids.contains(&dataset.ids()[place])).collect();
        let dataset = match places.len() == dataset.len() {
            true => Cow::Borrowed(&dataset),
            false => Cow::Owned(dataset.select(&places)),
        };
        let groups = self.groups_of(&dataset);
        Ok(Ok(dataset.into_owned().with_groups(groups).expect("one a row")))
    }
}

impl ComparedBackbone {
    /// Cross-validates the head that `options` ask for; `None` where nothing could be held out.
    fn answer(&mut self, dataset: &Dataset, options: &FitOptions) -> Option<Answers> {
        let checked = options.check_memory(dataset.len(), dataset.width());
        let answered = checked.and_then(|()| cross_validate_choice(dataset, options));
        match answered {
            Ok((head, answers)) if !answers.ids.is_empty() => {
                // Frames of one burst are nearly one picture.
                let right = Share::of_groups(answers.groups.iter().copied().zip(answers.right()));
                self.head = Some(head);
                (self.accuracy, self.low, self.high) = (Some(answers.accuracy()), Some(right.low), Some(right.high));
                Some(answers)
            }
            Ok(_) => {
                self.reason = Some("no class has pictures of two groups to hold one out".to_owned());
                None
            }
            Err(error) => {
                self.reason = Some(causes(&error));
                None
            }
        }
    }
}

/// Orders the rows, says how far each is from the best, and recommends one.
fn choose(mut judged: Vec<Judged>, common: &Common, report: &mut CompareReport) {
    // The most accurate first, the quicker of equals.
    judged.sort_by(|(one, _), (other, _)| {
        let accuracy = |row: &ComparedBackbone| row.accuracy.unwrap_or(-1.0);
        let seconds = |row: &ComparedBackbone| row.seconds_a_picture.unwrap_or(f64::INFINITY);
        accuracy(other).total_cmp(&accuracy(one)).then(seconds(one).total_cmp(&seconds(other)))
    });
    let best = judged.first().and_then(|(_, answers)| answers.clone());
    report.asked = best.as_ref().map_or(0, |best| best.ids.len());
    for (row, answers) in judged.iter_mut().skip(1) {
        if let Some(behind) = behind(best.as_ref(), answers.as_ref(), common) {
            row.difference = Some(-behind.gain);
            (row.error, row.clear) = (Some(behind.error), Some(behind.is_clear(0.0)));
        }
    }
    let quick_enough = |(row, answers): &&Judged| answers.is_some() && row.is_within(report.within);
    if let Some((recommended, of_it)) = judged.iter().find(quick_enough) {
        report.recommended = Some(recommended.name.clone());
        let limit = recommended.seconds_a_picture.map(|seconds| WORTH_NAMING * seconds);
        let as_good = judged.iter().filter(|(row, answers)| {
            let behind = behind(of_it.as_ref(), answers.as_ref(), common);
            limit.is_some() && row.is_within(limit) && behind.is_some_and(|behind| !behind.is_clear(0.0))
        });
        let seconds = |row: &&Judged| row.0.seconds_a_picture.unwrap_or(f64::INFINITY);
        let quickest = as_good.min_by(|one, other| seconds(one).total_cmp(&seconds(other)));
        report.quicker = quickest.map(|(row, _)| row.name.clone());
    }
    report.backbones = judged.into_iter().map(|(row, _)| row).collect();
}

/// How far the second is behind the first.
fn behind(first: Option<&Answers>, second: Option<&Answers>, common: &Common) -> Option<Comparison> {
    compare_grouped(first?, second?, &|id| common.groups.get(&id).copied().unwrap_or(GroupId(id.0)))
}

fn classes(dataset: &Dataset) -> usize {
    dataset.class_counts().iter().filter(|count| **count > 0).count()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::{RngExt as _, SeedableRng as _};
    use rand_pcg::Pcg64;

    use super::*;
    use crate::dataset::DatasetParts;
    use crate::digest::Digest;
    use crate::labels::{ClassIndex, Label, Labels};

    const PICTURES: i64 = 80;

    /// Features of one backbone, to which picture `twin` looks like the one before it.
    fn seen(backbone: u64, twin: i64) -> Dataset {
        let mut features = Array2::zeros((PICTURES as usize, 96));
        for (id, mut row) in (0..PICTURES).zip(features.rows_mut()) {
            let scene = if id == twin { id - 1 } else { id };
            let mut of_scene = Pcg64::seed_from_u64(1000 * backbone + scene as u64);
            row.mapv_inplace(|_: f32| of_scene.random_range(0f32..2.0));
        }
        Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(&backbone.to_le_bytes())),
            features,
            targets: (0..PICTURES as usize).map(|id| ClassIndex(id % 80 / 40)).collect(),
            groups: (0..PICTURES).map(GroupId).collect(),
            ids: (0..PICTURES).map(SampleId).collect(),
            labels: Labels::new(["a", "b"].map(|name| Label::new(name).unwrap()).to_vec()).unwrap(),
        })
        .unwrap()
    }

    #[test]
    fn what_any_backbone_takes_for_near_twins_is_held_out_together_for_all() {
        for order in [[2, 1], [1, 2]] {
            let mut common = Common { ids: HashSet::new(), groups: HashMap::new(), taking_part: HashSet::new() };
            order.iter().for_each(|&twin| common.take(&seen(twin as u64, twin)));
            let group = |id| common.groups[&SampleId(id)];
            assert_eq!((group(0), group(1)), (group(1), group(2)), "{order:?}");
            let distinct: HashSet<GroupId> = (0..PICTURES).map(group).collect();
            assert_eq!(distinct.len(), 78, "{order:?}");
        }
    }
}
