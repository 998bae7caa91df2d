//! Cached features with their labels and groups: all that fitting a head reads.

mod targets;

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};

use crate::digest::Fingerprint;
use crate::labels::{ClassIndex, Labels};

pub use targets::{SEPARATOR, Tags, TargetError};

/// A sample's row in the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SampleId(pub i64);

/// Samples that share a group (frames of one burst, views of one picture) never straddle folds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct GroupId(pub i64);

/// Labelled features of one backbone. Parallel arrays: row i of every field is one sample, or a row that only trains: a
/// view of a sample, or a sample whose label was guessed.
#[derive(Clone, Debug)]
pub struct Dataset {
    fingerprint: Fingerprint,
    /// Shared by copies: of many samples they are most of the memory that a fit takes.
    features: Arc<Array2<f32>>,
    /// How many channels of a feature are those of the last map; those of earlier maps lie behind them.
    last: usize,
    /// How many channels are learned from.
    learned: usize,
    targets: Vec<ClassIndex>,
    groups: Vec<GroupId>,
    ids: Vec<SampleId>,
    labels: Labels,
    trains_only: Vec<bool>,
}

/// Rows that are learned from and never held out to be measured.
#[derive(Clone, Debug)]
pub struct TrainingRows {
    /// `[M,W]`
    pub features: Array2<f32>,
    pub targets: Vec<ClassIndex>,
    pub groups: Vec<GroupId>,
    /// A view has the id and the group of its sample.
    pub ids: Vec<SampleId>,
}

/// Samples of one backbone whose labels nobody knows. Parallel arrays.
#[derive(Clone, Debug, Default)]
pub struct Unlabelled {
    /// `[M,W]`, finite.
    pub features: Array2<f32>,
    pub ids: Vec<SampleId>,
    pub groups: Vec<GroupId>,
}

/// The parts a [`Dataset`] is checked and made from.
#[derive(Clone, Debug)]
pub struct DatasetParts {
    pub fingerprint: Fingerprint,
    /// `[N,W]`
    pub features: Array2<f32>,
    pub targets: Vec<ClassIndex>,
    pub groups: Vec<GroupId>,
    pub ids: Vec<SampleId>,
    pub labels: Labels,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    #[error("expected {expected} {what}, one a sample, got {got}")]
    Length { what: &'static str, expected: usize, got: usize },
    #[error("expected class indices below {classes}, got {got}")]
    ClassIndex { classes: usize, got: usize },
    #[error("expected finite features, got {value} in sample {sample}, channel {channel}")]
    NotFinite { sample: usize, channel: usize, value: f32 },
    #[error("expected rows of {expected} channels, got {got}")]
    Width { expected: usize, got: usize },
    #[error("expected every sample once, got sample {0} twice")]
    RepeatedSample(i64),
}

impl Dataset {
    /// # Errors
    /// When the lengths differ, a class index has no label, a sample occurs twice or a feature is NaN or infinite.
    pub fn new(parts: DatasetParts) -> Result<Self, DatasetError> {
        let DatasetParts { fingerprint, features, targets, groups, ids, labels } = parts;
        let expected = features.nrows();
        for (what, got) in [("targets", targets.len()), ("groups", groups.len()), ("ids", ids.len())] {
            if got != expected {
                return Err(DatasetError::Length { what, expected, got });
            }
        }
        if let Some(target) = targets.iter().find(|target| target.0 >= labels.len()) {
            return Err(DatasetError::ClassIndex { classes: labels.len(), got: target.0 });
        }
        if let Some(id) = repeated(&ids) {
            return Err(DatasetError::RepeatedSample(id.0));
        }
        let features =
            if features.is_standard_layout() { features } else { features.as_standard_layout().into_owned() };
        for (sample, row) in features.rows().into_iter().enumerate() {
            if let Some((channel, &value)) = row.iter().enumerate().find(|(_, value)| !value.is_finite()) {
                return Err(DatasetError::NotFinite { sample, channel, value });
            }
        }
        let (trains_only, last) = (vec![false; expected], features.ncols());
        let features = Arc::new(features);
        Ok(Self { fingerprint, features, last, learned: last, targets, groups, ids, labels, trains_only })
    }

    /// The dataset whose first `last` channels are those of the last map, which alone are learned from.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn with_last_map(self, last: usize) -> Result<Self, DatasetError> {
        match last {
            0 => Err(DatasetError::Width { expected: self.width(), got: last }),
            _ if last > self.width() => Err(DatasetError::Width { expected: self.width(), got: last }),
            _ => Ok(Self { last, learned: last, ..self }),
        }
    }

    /// The dataset of which the channels of earlier maps are learned from as well; `None` where there are none.
    pub fn with_earlier_maps(&self) -> Option<Self> {
        (self.last < self.width()).then(|| Self { learned: self.width(), ..self.clone() })
    }

    /// The dataset with more rows, which only train, behind its own.
    ///
    /// # Errors
    /// As [`Dataset::new`], except that ids may occur again; and when the width differs.
    pub fn with_training_rows(mut self, rows: TrainingRows) -> Result<Self, DatasetError> {
        let TrainingRows { features, targets, groups, ids } = rows;
        let (expected, got) = (self.width(), features.ncols());
        if expected != got {
            return Err(DatasetError::Width { expected, got });
        }
        let places = (0..ids.len() as i64).map(SampleId).collect();
        let labels = self.labels.clone();
        let parts = DatasetParts { fingerprint: self.fingerprint, features, targets, groups, ids: places, labels };
        let checked = Self::new(parts)?;
        Arc::make_mut(&mut self.features).append(Axis(0), checked.features.view()).expect("as wide");
        self.targets.extend(checked.targets);
        self.groups.extend(checked.groups);
        self.ids.extend(ids);
        self.trains_only.resize(self.targets.len(), true);
        Ok(self)
    }

    /// The same samples with other classes.
    ///
    /// # Errors
    /// When there is not one target a row, or one has no label.
    pub fn with_classes(mut self, targets: Vec<ClassIndex>, labels: Labels) -> Result<Self, DatasetError> {
        if targets.len() != self.len() {
            return Err(DatasetError::Length { what: "targets", expected: self.len(), got: targets.len() });
        }
        if let Some(target) = targets.iter().find(|target| target.0 >= labels.len()) {
            return Err(DatasetError::ClassIndex { classes: labels.len(), got: target.0 });
        }
        (self.targets, self.labels) = (targets, labels);
        Ok(self)
    }

    /// The same samples in other groups.
    ///
    /// # Errors
    /// When there is not one group a row.
    pub fn with_groups(mut self, groups: Vec<GroupId>) -> Result<Self, DatasetError> {
        if groups.len() != self.len() {
            return Err(DatasetError::Length { what: "groups", expected: self.len(), got: groups.len() });
        }
        self.groups = groups;
        Ok(self)
    }

    /// The number of rows, N.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The number of channels that are learned from, C: those of the last map, and of earlier ones only after
    /// [`Dataset::with_earlier_maps`].
    pub fn dim(&self) -> usize {
        self.learned
    }

    /// The number of channels of a feature, W.
    pub fn width(&self) -> usize {
        self.features.ncols()
    }

    /// The number of channels of the last map.
    pub fn last_dim(&self) -> usize {
        self.last
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// `[N,W]`, in standard layout: whole features, as a head is given them.
    pub fn features(&self) -> &Array2<f32> {
        &self.features
    }

    /// `[N,C]`: the first channels of the features, which are learned from; each row lies in one piece.
    pub fn learned(&self) -> ArrayView2<'_, f32> {
        self.features.slice(s![.., ..self.learned])
    }

    /// `[N,L]`: of the features, the channels of the last map.
    pub fn last_map(&self) -> ArrayView2<'_, f32> {
        self.features.slice(s![.., ..self.last])
    }

    pub fn feature(&self, row: usize) -> ArrayView1<'_, f32> {
        self.features.row(row)
    }

    pub fn targets(&self) -> &[ClassIndex] {
        &self.targets
    }

    pub fn groups(&self) -> &[GroupId] {
        &self.groups
    }

    pub fn ids(&self) -> &[SampleId] {
        &self.ids
    }

    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Whether `row` is learned from but never held out to be measured.
    pub fn trains_only(&self, row: usize) -> bool {
        self.trains_only[row]
    }

    /// The number of samples without rows that only train.
    pub fn pictures(&self) -> usize {
        self.trains_only.iter().filter(|only| !**only).count()
    }

    /// The number of rows of each class, in label order.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.labels.len()];
        for target in &self.targets {
            counts[target.0] += 1;
        }
        counts
    }

    /// [`Dataset::class_counts`] without rows that only train.
    pub fn picture_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.labels.len()];
        let pictures = self.targets.iter().zip(&self.trains_only).filter(|(_, only)| !**only);
        pictures.for_each(|(target, _)| counts[target.0] += 1);
        counts
    }

    /// The samples at `rows`, with all labels kept.
    ///
    /// # Panics
    /// When a row is out of range.
    pub fn select(&self, rows: &[usize]) -> Self {
        let features = Arc::new(self.features.select(Axis(0), rows));
        Self { features, last: self.last, learned: self.learned, ..self.select_without_features(rows) }
    }

    /// [`Dataset::select`] with features of no channel: what drawing folds needs.
    ///
    /// # Panics
    /// When a row is out of range.
    pub fn select_without_features(&self, rows: &[usize]) -> Self {
        Self {
            fingerprint: self.fingerprint,
            features: Arc::new(Array2::zeros((rows.len(), 0))),
            last: 0,
            learned: 0,
            targets: rows.iter().map(|&row| self.targets[row]).collect(),
            groups: rows.iter().map(|&row| self.groups[row]).collect(),
            ids: rows.iter().map(|&row| self.ids[row]).collect(),
            labels: self.labels.clone(),
            trains_only: rows.iter().map(|&row| self.trains_only[row]).collect(),
        }
    }
}

/// An id that occurs twice. Those of a store ascend, and need no set to be told apart.
fn repeated(ids: &[SampleId]) -> Option<SampleId> {
    if ids.is_sorted_by(|a, b| a < b) {
        return None;
    }
    let mut seen = HashSet::new();
    ids.iter().copied().find(|id| !seen.insert(*id))
}

/// Numbers from 0 in the order in which names are met, the same for the same.
pub fn numbered<T: Eq + Hash>(names: impl IntoIterator<Item = T>) -> Vec<u32> {
    let mut numbers = HashMap::new();
    let mut number = |name| {
        let next = numbers.len() as u32;
        *numbers.entry(name).or_insert(next)
    };
    names.into_iter().map(&mut number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::labels::Label;

    fn parts(features: Array2<f32>, targets: &[usize]) -> DatasetParts {
        DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"backbone")),
            ids: (0..targets.len() as i64).map(SampleId).collect(),
            groups: (0..targets.len() as i64).map(GroupId).collect(),
            targets: targets.iter().copied().map(ClassIndex).collect(),
            labels: Labels::new(vec![Label::new("ant").unwrap(), Label::new("bee").unwrap()]).unwrap(),
            features,
        }
    }

    #[test]
    fn selecting_rows_keeps_every_column_in_step() {
        let dataset = Dataset::new(parts(ndarray::array![[1., 2.], [3., 4.], [5., 6.]], &[0, 1, 0])).unwrap();
        let selected = dataset.select(&[2, 1]);
        assert_eq!(selected.features(), &ndarray::array![[5., 6.], [3., 4.]]);
        assert_eq!(selected.targets(), [ClassIndex(0), ClassIndex(1)]);
        assert_eq!(selected.ids(), [SampleId(2), SampleId(1)]);
        assert_eq!(selected.class_counts(), [1, 1]);
    }

    #[test]
    fn a_feature_that_is_not_a_number_is_refused_with_its_place() {
        let error = Dataset::new(parts(ndarray::array![[1., 2.], [3., f32::NAN]], &[0, 1])).unwrap_err();
        assert_eq!(error.to_string(), "expected finite features, got NaN in sample 1, channel 1");
    }

    #[test]
    fn rows_that_only_train_come_behind_and_are_no_pictures() {
        let dataset = Dataset::new(parts(ndarray::array![[1., 2.], [3., 4.]], &[0, 1])).unwrap();
        let views = |features| TrainingRows {
            features,
            targets: vec![ClassIndex(1)],
            groups: vec![GroupId(1)],
            ids: vec![SampleId(1)],
        };
        assert!(dataset.clone().with_training_rows(views(ndarray::array![[1.0]])).is_err());
        assert!(dataset.clone().with_training_rows(views(ndarray::array![[1.0, f32::NAN]])).is_err());
        let dataset = dataset.with_training_rows(views(ndarray::array![[5., 6.]])).unwrap();
        assert_eq!((dataset.len(), dataset.pictures()), (3, 2));
        assert_eq!((dataset.class_counts(), dataset.picture_counts()), (vec![1, 2], vec![1, 1]));
        assert_eq!(dataset.ids(), [SampleId(0), SampleId(1), SampleId(1)]);
        assert!(dataset.select(&[2]).trains_only(0) && !dataset.select(&[1]).trains_only(0));
    }

    #[test]
    fn the_channels_of_the_last_map_alone_are_learned_from_until_earlier_ones_are_asked_for() {
        let whole = Dataset::new(parts(ndarray::array![[1., 2., 9.], [3., 4., 8.]], &[0, 1])).unwrap();
        assert!(whole.with_earlier_maps().is_none() && whole.clone().with_last_map(4).is_err());
        let dataset = whole.with_last_map(2).unwrap();
        assert_eq!((dataset.dim(), dataset.width()), (2, 3));
        assert_eq!(dataset.select(&[1]).learned(), ndarray::array![[3., 4.]]);
        let both = dataset.with_earlier_maps().unwrap();
        assert_eq!((both.dim(), both.last_dim(), both.learned()), (3, 2, dataset.features().view()));
        let rows = |features| TrainingRows {
            features,
            targets: vec![ClassIndex(1)],
            groups: vec![GroupId(1)],
            ids: vec![SampleId(1)],
        };
        assert!(dataset.clone().with_training_rows(rows(ndarray::array![[5., 6.]])).is_err());
        let more = dataset.with_training_rows(rows(ndarray::array![[5., 6., 7.]])).unwrap();
        assert_eq!((more.dim(), more.learned().row(2).to_vec()), (2, vec![5., 6.]));
    }

    #[test]
    fn parts_that_do_not_fit_together_are_refused() {
        assert!(Dataset::new(parts(ndarray::array![[1., 2.]], &[2])).is_err());
        assert!(Dataset::new(parts(ndarray::array![[1., 2.]], &[0, 1])).is_err());
        let mut repeated = parts(ndarray::array![[1.], [2.]], &[0, 1]);
        repeated.ids[1] = SampleId(0);
        assert!(Dataset::new(repeated).is_err());
    }
}
