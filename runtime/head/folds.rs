//! Which samples are held out together.

use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use crate::dataset::{Dataset, numbered};

/// Folds of a dataset, and the rows of them that are measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    pub folds: Folds,
    /// The rows that are held out once and do more than train, ascending.
    pub measured: Vec<usize>,
}

impl Split {
    pub fn new(folds: Folds, dataset: &Dataset) -> Self {
        Self { measured: folds.measured_rows(dataset), folds }
    }

    /// The measured rows of `all`, `[N,K]`.
    pub fn held_out(&self, all: &Array2<f32>) -> Array2<f32> {
        all.select(Axis(0), &self.measured)
    }

    /// The group of each measured row, numbered from 0.
    pub fn groups(&self, dataset: &Dataset) -> Vec<u32> {
        numbered(self.measured.iter().map(|&row| dataset.groups()[row]))
    }

    /// For each fold, the places among the measured rows that it holds.
    pub fn places(&self) -> Vec<Vec<usize>> {
        let place = |row: &usize| self.measured.binary_search(row).ok();
        self.folds.iter().map(|fold| fold.iter().filter_map(place).collect()).collect()
    }
}

/// A partition of samples into folds that keeps groups whole and spreads each class evenly. Views stay with their
/// sample; a group without a row that may be measured is in no fold and always trains.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Folds {
    /// The rows of each fold, ascending; every fold has some, and there are none or at least two.
    folds: Vec<Vec<usize>>,
    samples: usize,
}

/// The rows of one group, ascending, and how many of them each class has, each class once.
struct Group {
    rows: Vec<usize>,
    classes: Vec<(usize, usize)>,
    measurable: bool,
}

impl Folds {
    /// Spreads the groups over at most `count` folds. A class whose samples are all in one group stays out of every
    /// fold: without that group it could not be learned, so it cannot be measured.
    pub fn new(dataset: &Dataset, count: usize, seed: u64) -> Self {
        Self::spread(measurable_groups(dataset, seed), count, &dataset.class_counts())
    }

    /// Spreads the groups over at most `count` folds by their sizes alone: for targets that are no classes.
    pub fn by_group(dataset: &Dataset, count: usize, seed: u64) -> Self {
        let mut groups = all_groups(dataset);
        groups.retain(|group| group.measurable);
        groups.iter_mut().for_each(|group| group.classes = vec![(0, group.rows.len())]);
        Self::spread(shuffled(groups, seed), count, &[dataset.len()])
    }

    /// `totals` counts the samples of each class.
    fn spread(groups: Vec<Group>, count: usize, totals: &[usize]) -> Self {
        let samples = totals.iter().sum();
        let count = count.min(groups.len());
        if count < 2 {
            return Self { folds: Vec::new(), samples };
        }
        // A fold for each group needs no search for the fold that has least: it is the next.
        if count == groups.len() {
            return Self { folds: groups.into_iter().map(|group| group.rows).collect(), samples };
        }
        let mut folds = vec![Vec::new(); count];
        let mut held = vec![vec![0usize; totals.len()]; count];
        for group in groups {
            let share = |fold: &usize| {
                let shares =
                    group.classes.iter().map(|&(class, n)| n as f64 * held[*fold][class] as f64 / totals[class] as f64);
                shares.sum::<f64>()
            };
            let less = |a: &usize, b: &usize| share(a).total_cmp(&share(b)).then(folds[*a].len().cmp(&folds[*b].len()));
            let fold = (0..count).min_by(less).expect("at least two folds");
            group.classes.iter().for_each(|&(class, n)| held[fold][class] += n);
            folds[fold].extend(group.rows);
        }
        folds.iter_mut().for_each(|rows: &mut Vec<usize>| rows.sort_unstable());
        Self { folds, samples }
    }

    /// A fold for each group that may be held out.
    pub fn of_groups(dataset: &Dataset) -> Self {
        let groups = measurable_groups(dataset, 0);
        let folds = if groups.len() < 2 { Vec::new() } else { groups.into_iter().map(|group| group.rows).collect() };
        Self { folds, samples: dataset.len() }
    }

    /// 0 when nothing can be held out.
    pub fn count(&self) -> usize {
        self.folds.len()
    }

    /// The held-out rows of each fold.
    pub fn iter(&self) -> impl Iterator<Item = &[usize]> {
        self.folds.iter().map(Vec::as_slice)
    }

    /// All rows that are not in `fold`, ascending.
    pub fn training_rows(&self, fold: &[usize]) -> Vec<usize> {
        (0..self.samples).filter(|row| fold.binary_search(row).is_err()).collect()
    }

    /// All rows that are held out once and do more than train, ascending.
    pub fn measured_rows(&self, dataset: &Dataset) -> Vec<usize> {
        let mut rows = self.folds.concat();
        rows.retain(|&row| !dataset.trains_only(row));
        rows.sort_unstable();
        rows
    }
}

/// In the order of their numbers.
fn all_groups(dataset: &Dataset) -> Vec<Group> {
    let mut rows: Vec<usize> = (0..dataset.len()).collect();
    rows.sort_by_key(|&row| dataset.groups()[row]);
    let groups = rows.chunk_by(|&a, &b| dataset.groups()[a] == dataset.groups()[b]);
    groups.map(|rows| Group::new(rows.to_vec(), dataset)).collect()
}

impl Group {
    fn new(rows: Vec<usize>, dataset: &Dataset) -> Self {
        let mut classes: Vec<usize> = rows.iter().map(|&row| dataset.targets()[row].0).collect();
        classes.sort_unstable();
        let classes = classes.chunk_by(|a, b| a == b).map(|same| (same[0], same.len())).collect();
        let measurable = rows.iter().any(|&row| !dataset.trains_only(row));
        Self { rows, classes, measurable }
    }
}

/// The groups that may be held out, shuffled, large ones first.
fn measurable_groups(dataset: &Dataset, seed: u64) -> Vec<Group> {
    let mut groups = all_groups(dataset);
    groups.retain(|group| group.measurable);
    let mut groups_of_class = vec![0; dataset.labels().len()];
    groups.iter().flat_map(|group| &group.classes).for_each(|&(class, _)| groups_of_class[class] += 1);
    let learnable = |group: &Group| group.classes.iter().all(|&(class, _)| groups_of_class[class] > 1);
    groups.retain(learnable);
    shuffled(groups, seed)
}

/// Large ones first, those of one size in an order by chance.
fn shuffled(mut groups: Vec<Group>, seed: u64) -> Vec<Group> {
    groups.shuffle(&mut Pcg64::seed_from_u64(seed));
    groups.sort_by_key(|group| std::cmp::Reverse(group.rows.len()));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{DatasetParts, GroupId, SampleId};
    use crate::digest::{Digest, Fingerprint};
    use crate::labels::{ClassIndex, Label, Labels};
    use proptest::prelude::*;

    /// One entry a sample: its class and its group.
    fn dataset(samples: &[(usize, i64)]) -> Dataset {
        let classes = samples.iter().map(|sample| sample.0 + 1).max().unwrap_or(1);
        let labels = (0..classes).map(|class| Label::new(&format!("c{class}")).unwrap()).collect();
        Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"")),
            features: Array2::zeros((samples.len(), 1)),
            targets: samples.iter().map(|sample| ClassIndex(sample.0)).collect(),
            groups: samples.iter().map(|sample| GroupId(sample.1)).collect(),
            ids: (0..samples.len() as i64).map(SampleId).collect(),
            labels: Labels::new(labels).unwrap(),
        })
        .unwrap()
    }

    #[test]
    fn each_fold_holds_the_same_share_of_every_class() {
        let samples: Vec<_> = (0..30).map(|i| (usize::from(i >= 20), i)).collect();
        let folds = Folds::new(&dataset(&samples), 5, 1);
        assert_eq!(folds.count(), 5);
        for fold in folds.iter() {
            assert_eq!(fold.iter().filter(|&&row| row < 20).count(), 4);
            assert_eq!(fold.iter().filter(|&&row| row >= 20).count(), 2);
        }
    }

    #[test]
    fn a_class_of_one_group_is_never_held_out() {
        let samples = dataset(&[(0, 0), (0, 1), (0, 2), (1, 7), (1, 7)]);
        let folds = Folds::new(&samples, 5, 1);
        assert_eq!(folds.measured_rows(&samples), [0, 1, 2]);
        assert_eq!(Folds::new(&dataset(&[(0, 0), (1, 1)]), 5, 1).count(), 0);
    }

    #[test]
    fn there_are_never_more_folds_than_groups() {
        let folds = Folds::new(&dataset(&[(0, 0), (0, 1), (1, 2), (1, 3), (1, 3)]), 9, 1);
        assert_eq!(folds.count(), 4);
        assert!(folds.iter().all(|fold| !fold.is_empty()));
    }

    #[test]
    fn where_labels_are_no_classes_every_group_is_held_out_whole() {
        let data = dataset(&[(0, 0), (1, 1), (2, 2), (3, 2), (4, 3)]);
        let folds = Folds::by_group(&data, 3, 1);
        assert_eq!((folds.count(), folds.measured_rows(&data)), (3, vec![0, 1, 2, 3, 4]));
        assert!(folds.iter().any(|fold| fold == [2, 3]));
        assert_eq!(Folds::by_group(&data, usize::MAX, 1).count(), 4);
    }

    #[test]
    fn every_group_can_be_a_fold_of_its_own() {
        let folds = Folds::of_groups(&dataset(&[(0, 0), (0, 1), (0, 1), (1, 2)]));
        let mut rows: Vec<_> = folds.iter().collect();
        rows.sort();
        assert_eq!(rows, [&[0][..], &[1, 2]]);
    }

    proptest! {
        #[test]
        fn groups_stay_whole_and_every_learnable_sample_is_held_out_once(
            samples in proptest::collection::vec((0usize..4, 0i64..20), 1..80),
            count in 2usize..8,
            seed: u64,
        ) {
            let data = dataset(&samples);
            let folds = Folds::new(&data, count, seed);
            let mut times = vec![0; samples.len()];
            for fold in folds.iter() {
                fold.iter().for_each(|&row| times[row] += 1);
                let training = folds.training_rows(fold);
                prop_assert_eq!(training.len() + fold.len(), samples.len());
                for &row in fold {
                    prop_assert!(training.iter().all(|&other| samples[other].1 != samples[row].1));
                }
            }
            prop_assert!(times.iter().all(|&times| times <= 1));
            let learnable = |class: usize| {
                let mut groups: Vec<_> = samples.iter().filter(|sample| sample.0 == class).map(|sample| sample.1).collect();
                groups.sort_unstable();
                groups.dedup();
                groups.len() > 1
            };
            if folds.count() > 0 {
                for (row, sample) in samples.iter().enumerate() {
                    let whole = samples.iter().filter(|other| other.1 == sample.1).all(|other| learnable(other.0));
                    prop_assert_eq!(times[row], i32::from(whole));
                }
            }
            prop_assert_eq!(folds, Folds::new(&data, count, seed));
        }
    }
}
