//! Sums that follow a store: which samples are in them, under which label, and how they catch up.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array2, Axis, s};

use super::ClassStatistics;
use crate::dataset::{Dataset, SampleId};
use crate::labels::{ClassIndex, Label, Labels};

/// [`ClassStatistics`] with their samples. Bytes of it are kept beside the samples themselves; every change is told by
/// comparing ids and labels, so that sums which missed one are noticed and catch up.
#[derive(Clone, PartialEq, Debug)]
pub struct RunningStatistics {
    pub(super) labels: Vec<Label>,
    pub(super) sums: ClassStatistics,
    pub(super) members: BTreeMap<SampleId, Member>,
    /// Rows taken out since the sums were made: each leaves rounding errors.
    pub(super) taken_out: u64,
}

/// A sample in the sums.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Member {
    pub class: ClassIndex,
    /// The picture itself and its views.
    pub rows: usize,
}

/// How many samples a catching-up concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    pub added: usize,
    pub relabelled: usize,
}

impl RunningStatistics {
    /// The sums of all rows of `dataset`.
    pub fn of(dataset: &Dataset) -> Self {
        let labels = dataset.labels().as_slice().to_vec();
        let sums = ClassStatistics::new(labels.len(), dataset.dim());
        let mut running = Self { labels, sums, members: BTreeMap::new(), taken_out: 0 };
        running.take_in(dataset, (0..dataset.len()).collect());
        running
    }

    /// The samples in the sums that `dataset` has no longer.
    pub fn missing_from(&self, dataset: &Dataset) -> Vec<SampleId> {
        let there: BTreeSet<SampleId> = dataset.ids().iter().copied().collect();
        self.members.keys().filter(|id| !there.contains(id)).copied().collect()
    }

    /// Takes samples out; each comes with its feature and those of its views, as they were taken in. Says whether it
    /// could: where rows are missing nothing is taken out. A sample that is not in the sums is passed over.
    pub fn forget(&mut self, samples: &[(SampleId, Array2<f32>)]) -> bool {
        let (mut features, mut targets) = (Array2::zeros((0, self.sums.channels())), Vec::new());
        let mut forgotten = Vec::new();
        for (id, rows) in samples {
            let Some(&Member { class, rows: known }) = self.members.get(id) else { continue };
            if rows.nrows() < known || features.append(Axis(0), rows.slice(s![..known, ..])).is_err() {
                return false;
            }
            targets.resize(targets.len() + known, class);
            forgotten.push(*id);
        }
        if !targets.is_empty() {
            self.sums.remove(features.view(), &targets);
        }
        self.taken_out += targets.len() as u64;
        for id in forgotten {
            self.members.remove(&id);
        }
        true
    }

    /// Takes in what is new in `dataset`, gives moved samples their new label. `None` when only making the sums from
    /// all samples helps: samples have left that [`Self::forget`] was not told of, views have, another width has come,
    /// or more rows have been taken out than are in, so that rounding errors might show.
    pub fn catch_up(&mut self, dataset: &Dataset) -> Option<Changes> {
        let unusable = dataset.dim() != self.sums.channels() || self.taken_out > dataset.len() as u64;
        if unusable || !self.missing_from(dataset).is_empty() {
            return None;
        }
        let mut changes = Changes::default();
        let mut new_rows = Vec::new();
        for (id, rows) in rows_by_sample(dataset) {
            let label = &dataset.labels().as_slice()[dataset.targets()[rows[0]].0];
            let known = match self.members.get(&id).copied() {
                None => 0,
                Some(member) if member.rows > rows.len() => return None,
                Some(member) => {
                    let features = dataset.features().select(Axis(0), &rows[..member.rows]);
                    changes.relabelled += usize::from(self.relabel(member.class, label, &features));
                    member.rows
                }
            };
            changes.added += usize::from(known == 0);
            new_rows.extend(&rows[known..]);
        }
        self.take_in(dataset, new_rows);
        Some(changes)
    }

    fn relabel(&mut self, from: ClassIndex, to: &Label, features: &Array2<f32>) -> bool {
        if self.labels[from.0] == *to {
            return false;
        }
        let to = self.class(to);
        self.sums.relabel(features.view(), from, to);
        true
    }

    fn take_in(&mut self, dataset: &Dataset, mut rows: Vec<usize>) {
        rows.sort_unstable();
        let classes: Vec<ClassIndex> = dataset.labels().iter().map(|label| self.class(label)).collect();
        let targets: Vec<ClassIndex> = rows.iter().map(|&row| classes[dataset.targets()[row].0]).collect();
        if rows.is_empty() {
            // The second moments would be walked through for nothing.
        } else if rows.len() == dataset.len() {
            self.sums.add(dataset.features().view(), &targets);
        } else {
            self.sums.add(dataset.features().select(Axis(0), &rows).view(), &targets);
        }
        for (id, rows) in rows_by_sample(dataset) {
            let class = classes[dataset.targets()[rows[0]].0];
            self.members.insert(id, Member { class, rows: rows.len() });
        }
    }

    fn class(&mut self, label: &Label) -> ClassIndex {
        match self.labels.iter().position(|known| known == label) {
            Some(position) => ClassIndex(position),
            None => {
                self.labels.push(label.clone());
                self.sums.add_class()
            }
        }
    }

    /// The classes that have samples, labels sorted as a dataset sorts them.
    pub fn classes(&self) -> (Labels, ClassStatistics) {
        let used: BTreeSet<usize> = self.members.values().map(|member| member.class.0).collect();
        let mut order: Vec<usize> = used.into_iter().collect();
        order.sort_by(|a, b| self.labels[*a].cmp(&self.labels[*b]));
        let labels = order.iter().map(|&class| self.labels[class].clone()).collect();
        (Labels::new(labels).expect("a class is made once"), self.sums.select(&order))
    }

    /// Without classes that have no sample: nothing of what was taken out stays but rounding errors in sums of others.
    pub fn tidied(&self) -> Self {
        let (labels, sums) = self.classes();
        let class = |member: &Member| labels.index_of(&self.labels[member.class.0]).expect("it has a sample");
        let members = self.members.iter().map(|(id, member)| (*id, Member { class: class(member), ..*member }));
        Self { members: members.collect(), sums, taken_out: self.taken_out, labels: labels.into() }
    }
}

/// The rows of each sample: the picture first, then its views in order.
fn rows_by_sample(dataset: &Dataset) -> BTreeMap<SampleId, Vec<usize>> {
    let mut rows = BTreeMap::<SampleId, Vec<usize>>::new();
    for (row, id) in dataset.ids().iter().enumerate() {
        rows.entry(*id).or_default().push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{DatasetParts, GroupId, TrainingRows};
    use crate::digest::{Digest, Fingerprint};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64;

    /// A store of samples of 12 channels: their labels by id.
    fn dataset(labels: &BTreeMap<i64, &str>) -> Dataset {
        let all = Labels::distinct(&labels.values().map(|label| Label::new(label).unwrap()).collect::<Vec<_>>());
        let target = |label: &&str| all.index_of(&Label::new(label).unwrap()).unwrap();
        let row = |id: i64| feature(id);
        Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"backbone")),
            features: Array2::from_shape_vec((labels.len(), 12), labels.keys().flat_map(|id| row(*id)).collect())
                .unwrap(),
            targets: labels.values().map(target).collect(),
            groups: labels.keys().copied().map(GroupId).collect(),
            ids: labels.keys().copied().map(SampleId).collect(),
            labels: all,
        })
        .unwrap()
    }

    /// What the sample `id` always has, on a channel's own scale and away from 0, as features behind a ReLU are.
    fn feature(id: i64) -> Vec<f32> {
        let mut random = Pcg64::seed_from_u64(id.unsigned_abs());
        (0..12).map(|channel| 10f32.powi(channel % 4 - 1) * (1.0 + random.random_range(0.0..1.0f32))).collect()
    }

    fn rows(id: i64) -> Array2<f32> {
        Array2::from_shape_vec((1, 12), feature(id)).unwrap()
    }

    fn assert_as_if_made_now(running: &RunningStatistics, dataset: &Dataset) {
        let fresh = RunningStatistics::of(dataset);
        let ((labels, sums), (fresh_labels, fresh_sums)) = (running.classes(), fresh.classes());
        assert_eq!(labels, fresh_labels);
        for (one, other) in [
            (sums.clone().lda(false).unwrap(), fresh_sums.clone().lda(false).unwrap()),
            (sums.clone().ridge(10.0).unwrap(), fresh_sums.clone().ridge(10.0).unwrap()),
        ] {
            let largest = other.weights.fold(0f32, |largest, weight| largest.max(weight.abs()));
            let gaps = (&one.weights - &other.weights).into_iter().chain(&one.bias - &other.bias);
            gaps.for_each(|gap| assert!(gap.abs() <= 1e-5 * (1.0 + largest), "{gap} of {largest}"));
        }
        let gaps = sums.prototype(1.0).directions - fresh_sums.prototype(1.0).directions;
        assert!(gaps.iter().all(|gap| gap.abs() < 1e-5));
    }

    fn three_classes(count: i64) -> BTreeMap<i64, &'static str> {
        (0..count).map(|id| (id, ["ant", "bee", "wasp"][id as usize % 3])).collect()
    }

    #[test]
    fn additions_removals_renames_and_merges_are_as_if_the_sums_were_made_now() {
        let mut labels = three_classes(60);
        let mut running = RunningStatistics::of(&dataset(&labels));
        for id in 0..20 {
            labels.remove(&id);
        }
        assert!(running.forget(&(0..20).map(|id| (SampleId(id), rows(id))).collect::<Vec<_>>()));
        labels.extend((100..115).map(|id| (id, "aphid")));
        let changes = running.catch_up(&dataset(&labels)).unwrap();
        assert_eq!(changes, Changes { added: 15, relabelled: 0 });
        assert_as_if_made_now(&running, &dataset(&labels));

        let bees = labels.values().filter(|label| **label == "bee").count();
        labels.values_mut().filter(|label| **label == "bee").for_each(|label| *label = "wasp");
        labels.values_mut().filter(|label| **label == "ant").for_each(|label| *label = "zebra");
        let changes = running.catch_up(&dataset(&labels)).unwrap();
        assert!(changes.added == 0 && changes.relabelled > bees);
        assert_as_if_made_now(&running, &dataset(&labels));
        assert_eq!(running.tidied().labels.len(), 3, "classes without samples are gone");
        assert_as_if_made_now(&running.tidied(), &dataset(&labels));
    }

    #[test]
    fn a_thousand_changes_leave_no_more_than_rounding_errors() {
        let mut labels = three_classes(90);
        let mut running = RunningStatistics::of(&dataset(&labels));
        let mut made_anew = 0;
        for step in 0..1000 {
            let oldest = *labels.keys().next().unwrap();
            labels.remove(&oldest);
            assert!(running.forget(&[(SampleId(oldest), rows(oldest))]));
            labels.insert(1000 + step, ["ant", "bee", "wasp"][step as usize % 3]);
            let now = dataset(&labels);
            if running.catch_up(&now).is_none() {
                running = RunningStatistics::of(&now);
                made_anew += 1;
            }
        }
        assert_as_if_made_now(&running, &dataset(&labels));
        assert!((5..20).contains(&made_anew), "{made_anew} times: when all samples have been replaced once");
    }

    #[test]
    fn sums_that_missed_a_removal_are_noticed() {
        let mut labels = three_classes(9);
        let mut running = RunningStatistics::of(&dataset(&labels));
        labels.remove(&4);
        assert_eq!(running.missing_from(&dataset(&labels)), [SampleId(4)]);
        assert_eq!(running.catch_up(&dataset(&labels)), None);
        assert!(!running.forget(&[(SampleId(4), Array2::zeros((0, 0)))]), "its features are gone");
        assert!(running.forget(&[(SampleId(77), rows(77))]), "never taken in");
        assert!(running.forget(&[(SampleId(4), rows(4))]));
        assert_eq!(running.catch_up(&dataset(&labels)), Some(Changes::default()));
    }

    #[test]
    fn views_are_taken_in_when_they_come_and_leave_with_their_sample() {
        let labels = three_classes(9);
        let plain = dataset(&labels);
        let view = |id: i64| TrainingRows {
            features: rows(500 + id),
            targets: vec![plain.targets()[id as usize]],
            groups: vec![GroupId(id)],
            ids: vec![SampleId(id)],
        };
        let grown = plain.clone().with_training_rows(view(2)).unwrap();
        let mut running = RunningStatistics::of(&plain);
        assert_eq!(running.catch_up(&grown), Some(Changes::default()));
        assert_as_if_made_now(&running, &grown);
        assert_eq!(running.clone().catch_up(&plain), None, "a view went without its sample");
        assert!(!running.clone().forget(&[(SampleId(2), rows(2))]), "its view would stay");
        let both = ndarray::concatenate![Axis(0), rows(2), rows(502)];
        assert!(running.forget(&[(SampleId(2), both)]));
        let fewer: BTreeMap<_, _> = labels.into_iter().filter(|(id, _)| *id != 2).collect();
        running.catch_up(&dataset(&fewer)).unwrap();
        assert_as_if_made_now(&running, &dataset(&fewer));
    }

    #[test]
    fn sums_survive_being_written_and_damage_is_noticed() {
        let running = RunningStatistics::of(&dataset(&three_classes(20)));
        let bytes = running.to_bytes();
        let read = RunningStatistics::from_bytes(&bytes).unwrap();
        assert_eq!(read.to_bytes(), bytes);
        assert_as_if_made_now(&read, &dataset(&three_classes(20)));
        assert_eq!(RunningStatistics::from_bytes(&bytes[..bytes.len() - 8]), None);
        assert_eq!(RunningStatistics::from_bytes(b""), None);
        let text = String::from_utf8_lossy(&bytes[..200]).into_owned();
        assert!(text.contains("edgetl-statistics-1"), "{text}");
        let mut newer = bytes.clone();
        let place = newer.windows(13).position(|window| window == b"statistics-1\"").unwrap();
        newer[place + 11] = b'2';
        assert_eq!(RunningStatistics::from_bytes(&newer), None);
    }
}
