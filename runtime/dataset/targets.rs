//! Labels read as something else than the name of one class.

use ndarray::Array2;

use super::Dataset;
use crate::labels::{ClassIndex, Label, LabelError, Labels};

/// What stands between the names of a picture that has several: `cat+dog`.
pub const SEPARATOR: char = '+';

/// A label that cannot be read as what was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    #[error("expected labels that are numbers, got `{0}`")]
    NotANumber(Label),
    #[error("expected names with `{SEPARATOR}` between them, got `{label}`")]
    NotNames { label: Label, source: LabelError },
}

/// Which of several names each sample has.
#[derive(Clone, PartialEq, Debug)]
pub struct Tags {
    /// Sorted.
    pub labels: Labels,
    /// `[N,K]`
    pub present: Array2<bool>,
}

impl Label {
    /// The label as a finite number.
    pub fn number(&self) -> Result<f64, TargetError> {
        match self.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(TargetError::NotANumber(self.clone())),
        }
    }

    /// The names in the label; none for a label that means nothing.
    pub fn names(&self) -> Result<Vec<Label>, TargetError> {
        if self.means_nothing() {
            return Ok(Vec::new());
        }
        let names = self.as_str().split(SEPARATOR).map(Self::known).collect::<Result<_, _>>();
        names.map_err(|source| TargetError::NotNames { label: self.clone(), source })
    }
}

impl Dataset {
    /// Every sample's label as a number.
    ///
    /// # Errors
    /// When a label that a sample has is none.
    pub fn numbers(&self) -> Result<Vec<f64>, TargetError> {
        self.targets().iter().map(|target| self.label(*target).number()).collect()
    }

    /// Every sample's label as the names in it.
    ///
    /// # Errors
    /// When a label that a sample has holds an empty name.
    pub fn tags(&self) -> Result<Tags, TargetError> {
        let names: Vec<Vec<Label>> =
            self.targets().iter().map(|target| self.label(*target).names()).collect::<Result<_, _>>()?;
        let labels = Labels::distinct(names.iter().flatten());
        let mut present = Array2::from_elem((names.len(), labels.len()), false);
        for (row, names) in names.iter().enumerate() {
            for ClassIndex(column) in names.iter().filter_map(|name| labels.index_of(name)) {
                present[[row, column]] = true;
            }
        }
        Ok(Tags { labels, present })
    }

    fn label(&self, target: ClassIndex) -> &Label {
        self.labels().get(target).expect("every class has a label")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{DatasetParts, GroupId, SampleId};
    use crate::digest::{Digest, Fingerprint};

    fn dataset(labels: &[&str]) -> Dataset {
        let each: Vec<Label> = labels.iter().map(|text| Label::new(text).unwrap()).collect();
        let known = Labels::distinct(&each);
        Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"backbone")),
            features: Array2::zeros((each.len(), 1)),
            targets: each.iter().map(|label| known.index_of(label).unwrap()).collect(),
            groups: (0..each.len() as i64).map(GroupId).collect(),
            ids: (0..each.len() as i64).map(SampleId).collect(),
            labels: known,
        })
        .unwrap()
    }

    #[test]
    fn labels_are_read_as_numbers_and_one_that_is_none_is_named() {
        assert_eq!(dataset(&["2.5", "-1", "1e3", "2.5"]).numbers().unwrap(), [2.5, -1.0, 1000.0, 2.5]);
        let error = dataset(&["1", "cat"]).numbers().unwrap_err();
        assert_eq!(error.to_string(), "expected labels that are numbers, got `cat`");
        assert!(dataset(&["inf"]).numbers().is_err() && dataset(&["NaN"]).numbers().is_err());
    }

    #[test]
    fn a_label_may_hold_several_names_or_mean_none_of_them() {
        let tags = dataset(&["dog+cat", "cat", "none", "cat + dog"]).tags().unwrap();
        assert_eq!(tags.labels.iter().map(Label::as_str).collect::<Vec<_>>(), ["cat", "dog"]);
        assert_eq!(tags.present, ndarray::array![[true, true], [true, false], [false, false], [true, true]]);
        let error = dataset(&["cat+"]).tags().unwrap_err();
        assert_eq!(error.to_string(), "expected names with `+` between them, got `cat+`");
    }
}
