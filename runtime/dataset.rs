//! Cached features with their labels and groups: all that fitting a head reads.

use std::collections::HashSet;

use ndarray::{Array2, ArrayView1, Axis};

use crate::digest::Fingerprint;
use crate::labels::{ClassIndex, Labels};

/// A sample's row in the store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SampleId(pub i64);

/// Samples that share a group (frames of one burst, views of one picture) never straddle folds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct GroupId(pub i64);

/// Labelled features of one backbone. Parallel arrays: row i of every field is one sample.
#[derive(Clone, Debug)]
pub struct Dataset {
    fingerprint: Fingerprint,
    features: Array2<f32>,
    targets: Vec<ClassIndex>,
    groups: Vec<GroupId>,
    ids: Vec<SampleId>,
    labels: Labels,
}

/// The parts a [`Dataset`] is checked and made from.
#[derive(Clone, Debug)]
pub struct DatasetParts {
    pub fingerprint: Fingerprint,
    /// `[N,C]`
    pub features: Array2<f32>,
    pub targets: Vec<ClassIndex>,
    pub groups: Vec<GroupId>,
    pub ids: Vec<SampleId>,
    pub labels: Labels,
}

#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("expected {expected} {what}, one a sample, got {got}")]
    Length { what: &'static str, expected: usize, got: usize },
    #[error("expected class indices below {classes}, got {got}")]
    ClassIndex { classes: usize, got: usize },
    #[error("expected finite features, got {value} in sample {sample}, channel {channel}")]
    NotFinite { sample: usize, channel: usize, value: f32 },
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
        let mut seen = HashSet::new();
        if let Some(id) = ids.iter().find(|id| !seen.insert(**id)) {
            return Err(DatasetError::RepeatedSample(id.0));
        }
        let features =
            if features.is_standard_layout() { features } else { features.as_standard_layout().into_owned() };
        for (sample, row) in features.rows().into_iter().enumerate() {
            if let Some((channel, &value)) = row.iter().enumerate().find(|(_, value)| !value.is_finite()) {
                return Err(DatasetError::NotFinite { sample, channel, value });
            }
        }
        Ok(Self { fingerprint, features, targets, groups, ids, labels })
    }

    /// The number of samples, N.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The number of channels, C.
    pub fn dim(&self) -> usize {
        self.features.ncols()
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// `[N,C]`, in standard layout.
    pub fn features(&self) -> &Array2<f32> {
        &self.features
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

    /// The number of samples of each class, in label order.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.labels.len()];
        for target in &self.targets {
            counts[target.0] += 1;
        }
        counts
    }

    /// The samples at `rows`, with all labels kept.
    ///
    /// # Panics
    /// When a row is out of range.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            fingerprint: self.fingerprint,
            features: self.features.select(Axis(0), rows),
            targets: rows.iter().map(|&row| self.targets[row]).collect(),
            groups: rows.iter().map(|&row| self.groups[row]).collect(),
            ids: rows.iter().map(|&row| self.ids[row]).collect(),
            labels: self.labels.clone(),
        }
    }
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
    fn parts_that_do_not_fit_together_are_refused() {
        assert!(Dataset::new(parts(ndarray::array![[1., 2.]], &[2])).is_err());
        assert!(Dataset::new(parts(ndarray::array![[1., 2.]], &[0, 1])).is_err());
        let mut repeated = parts(ndarray::array![[1.], [2.]], &[0, 1]);
        repeated.ids[1] = SampleId(0);
        assert!(Dataset::new(repeated).is_err());
    }
}
