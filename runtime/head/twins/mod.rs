//! Near-twins: pictures so alike that a head which has seen one of them knows the other, as frames of one burst, or copies that
//! were resized or compressed again. They share a fold, whatever group they came with.

mod clusters;
mod near;
mod neighbourhood;
mod piles;
pub mod search;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2, s};

use crate::dataset::{Dataset, GroupId, SampleId, TrainingRows, Unlabelled};
use crate::head::report::NearTwinsReport;
use crate::labels::{ClassIndex, Label, Labels};
use clusters::{Joined, joined};
use near::Rows;
pub use neighbourhood::Neighbourhood;
pub use piles::piles;

/// Which pictures of a dataset stand together beyond their groups.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Twins {
    /// How many pictures, and how many groups they make.
    pub pictures: usize,
    pub groups: usize,
    /// Classes whose pictures are all near-twins of one another; these keep the groups they came with, since nothing of the class
    /// could be held out otherwise.
    pub alike: Vec<ClassIndex>,
}

/// `dataset` with near-twins in one group. Where labels are no classes, all samples count as one.
pub fn together(dataset: Cow<Dataset>, classes: bool) -> (Cow<Dataset>, Twins) {
    let pictures = pictures(&dataset);
    let groups = numbered(&dataset);
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &row in pictures.iter().filter(|row| !dataset.trains_only(**row)) {
        let class = if classes { dataset.targets()[row].0 } else { 0 };
        members.entry(class).or_default().push(row);
    }
    let Some(mut widened) = widened(&dataset, &pictures, &groups, &members) else {
        return (dataset, Twins::default());
    };
    let (mut twins, mut apart) = (Twins::default(), BTreeSet::new());
    for (&class, rows) in &members {
        let count = |of: &dyn Fn(usize) -> usize| rows.iter().map(|&row| of(groups[row])).collect::<BTreeSet<_>>();
        let after = count(&|group| widened[group]);
        if after.len() == 1 && count(&|group| group).len() > 1 {
            apart.extend(after);
            twins.alike.push(ClassIndex(class));
        }
    }
    widened.iter_mut().enumerate().filter(|(_, own)| apart.contains(*own)).for_each(|(group, own)| *own = group);
    twins.count(&members, &groups, &widened);
    if twins.pictures == 0 {
        return (dataset, twins);
    }
    let ids = group_ids(&dataset);
    let groups = groups.iter().map(|&group| ids[widened[group]]).collect();
    (Cow::Owned(dataset.into_owned().with_groups(groups).expect("one a row")), twins)
}

/// `dataset` and `unlabelled` with near-twins in one group, those of one among the other as well.
pub fn together_with(dataset: &Dataset, unlabelled: &Unlabelled) -> (Dataset, Unlabelled) {
    let count = unlabelled.ids.len();
    let rows = TrainingRows {
        features: unlabelled.features.clone(),
        targets: vec![ClassIndex(0); count],
        groups: unlabelled.groups.clone(),
        ids: unlabelled.ids.clone(),
    };
    let given = || (dataset.clone(), unlabelled.clone());
    if count == 0 || unlabelled.features.ncols() != dataset.width() {
        return given();
    }
    let Ok(all) = dataset.clone().with_training_rows(rows) else { return given() };
    let (all, _) = together(Cow::Owned(all), true);
    let (own, others) = all.groups().split_at(dataset.len());
    let dataset = dataset.clone().with_groups(own.to_vec()).expect("one a row");
    (dataset, Unlabelled { groups: others.to_vec(), ..unlabelled.clone() })
}

/// Of each of `others`, `[M,W]`, whether it is a near-twin of a sample of `dataset`, which is let go before most of the memory is
/// needed.
pub fn near_twins_of(dataset: Dataset, others: ArrayView2<f32>) -> Vec<bool> {
    let own = pictures(&dataset);
    let others = others.slice(s![.., ..dataset.last_dim()]);
    // Filled row by row: of very many samples a selection of them would be one more copy.
    let mut features = Array2::zeros((own.len() + others.nrows(), others.ncols()));
    let last = dataset.last_map();
    own.iter().enumerate().for_each(|(place, &row)| features.row_mut(place).assign(&last.row(row)));
    features.slice_mut(s![own.len().., ..]).assign(&others);
    let mut classes = vec![Vec::new(); dataset.labels().len()];
    own.iter().enumerate().for_each(|(place, &row)| classes[dataset.targets()[row].0].push(place));
    drop(dataset);
    // Others are compared with samples and not with one another.
    let groups: Vec<usize> = (0..own.len()).chain(std::iter::repeat_n(own.len(), others.nrows())).collect();
    let rows = Rows::new(features.view(), &groups);
    let Some(limit) = rows.limit(&classes) else { return vec![false; others.nrows()] };
    let twins = rows.twins(limit, own.len());
    twins[own.len()..].iter().map(|twins| !twins.is_empty()).collect()
}

/// Up to which squared distance between directions of the last map pictures of `dataset`'s classes can be near-twins; `None` where
/// there is too little to tell.
pub fn near_twin_limit(dataset: &Dataset) -> Option<f64> {
    let mut classes = vec![Vec::new(); dataset.labels().len()];
    pictures(dataset).into_iter().for_each(|row| classes[dataset.targets()[row].0].push(row));
    Rows::new(dataset.last_map(), &numbered(dataset)).limit(&classes)
}

/// `dataset` with near-twins in one group, for who deals its samples into parts.
pub fn with_near_twins_together(dataset: &Dataset) -> Cow<'_, Dataset> {
    together(Cow::Borrowed(dataset), true).0
}

impl Twins {
    /// What is said of them, with the labels of the classes where there are some; `None` where there are no near-twins.
    pub fn report(&self, labels: Option<&Labels>) -> Option<NearTwinsReport> {
        let label = |class: &ClassIndex| labels?.get(*class).cloned();
        let alike: Vec<Label> = self.alike.iter().filter_map(label).collect();
        let (pictures, groups) = (self.pictures, self.groups);
        (pictures > 0 || !alike.is_empty()).then_some(NearTwinsReport {
            pictures,
            groups,
            accuracy_without: None,
            alike,
        })
    }

    fn count(&mut self, members: &BTreeMap<usize, Vec<usize>>, groups: &[usize], widened: &[usize]) {
        let mut parts: BTreeMap<usize, (usize, HashSet<usize>)> = BTreeMap::new();
        for &row in members.values().flatten() {
            let (pictures, parts) = parts.entry(widened[groups[row]]).or_default();
            *pictures += 1;
            parts.insert(groups[row]);
        }
        for (pictures, _) in parts.values().filter(|(_, parts)| parts.len() > 1) {
            self.pictures += pictures;
            self.groups += 1;
        }
    }
}

/// The first row of each sample: those behind it are its views, and share its group.
fn pictures(dataset: &Dataset) -> Vec<usize> {
    let mut seen: HashSet<SampleId> = HashSet::new();
    (0..dataset.len()).filter(|&row| seen.insert(dataset.ids()[row])).collect()
}

fn group_ids(dataset: &Dataset) -> Vec<GroupId> {
    dataset.groups().iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The place of each row's group among [`group_ids`].
fn numbered(dataset: &Dataset) -> Vec<usize> {
    let ids = group_ids(dataset);
    dataset.groups().iter().map(|group| ids.binary_search(group).expect("one of them")).collect()
}

/// What each group becomes part of; `None` where no near-twins were found.
fn widened(
    dataset: &Dataset,
    pictures: &[usize],
    groups: &[usize],
    members: &BTreeMap<usize, Vec<usize>>,
) -> Option<Vec<usize>> {
    let features: CowArray<f32, Ix2> = match pictures.len() == dataset.len() {
        true => dataset.last_map().into(),
        false => dataset.last_map().select(Axis(0), pictures).into(),
    };
    let own: Vec<usize> = pictures.iter().map(|&row| groups[row]).collect();
    let rows = Rows::new(features.view(), &own);
    let place = |row: &usize| pictures.binary_search(row).expect("a picture");
    let classes: Vec<Vec<usize>> = members.values().map(|rows| rows.iter().map(place).collect()).collect();
    let limit = rows.limit(&classes)?;
    let pairs = rows.pairs(limit);
    if pairs.is_empty() {
        return None;
    }
    let mut clusters = joined(&rows, &pairs, limit);
    let count = groups.iter().max()? + 1;
    let mut widened = Joined::new(count);
    for place in 0..own.len() {
        let first = clusters.of(place);
        widened.join(own[place], own[first]);
    }
    Some((0..count).map(|group| widened.of(group)).collect())
}

#[cfg(test)]
mod tests;
