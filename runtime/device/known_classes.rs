//! The classes of a backbone's own classifier that new ones are put beside.

use std::collections::HashSet;

use ndarray::Axis;

use crate::backbone::{Classifier, Package};
use crate::head::{KnownClasses, Linear};
use crate::labels::{Label, LabelError, Labels, composed};

/// Why a backbone's own classes cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnownClassesError {
    #[error("expected a backbone that kept its classifier, got `{backbone}`, which has none")]
    NoClassifier { backbone: String },
    #[error("expected names of the classes of `{backbone}`, got none")]
    NoNames { backbone: String },
    #[error("cannot take the name of a class of the backbone's classifier")]
    Name(#[source] LabelError),
    #[error("expected a class of the backbone's classifier, got `{0}`")]
    NoSuchClass(String),
}

/// The classes of the classifier of `package` that are named, or all. A name that it has twice gets a number the second time.
pub(super) fn known_classes(package: &Package, names: &[String]) -> Result<KnownClasses, KnownClassesError> {
    let backbone = || package.manifest().name.to_string();
    let classifier = package.classifier().ok_or_else(|| KnownClassesError::NoClassifier { backbone: backbone() })?;
    if classifier.labels.is_empty() {
        return Err(KnownClassesError::NoNames { backbone: backbone() });
    }
    chosen(classifier, names)
}

fn chosen(classifier: &Classifier, names: &[String]) -> Result<KnownClasses, KnownClassesError> {
    let labels = distinct(&classifier.labels)?;
    let place = |name: &String| {
        let same = |label: &Label| label.as_str().eq_ignore_ascii_case(&composed(name.trim()));
        labels.iter().position(same).ok_or_else(|| KnownClassesError::NoSuchClass(name.clone()))
    };
    let mut rows: Vec<usize> = match names.is_empty() {
        true => (0..labels.len()).collect(),
        false => names.iter().map(place).collect::<Result<_, _>>()?,
    };
    rows.sort_unstable();
    rows.dedup();
    let linear =
        Linear { weights: classifier.weights.select(Axis(0), &rows), bias: classifier.bias.select(Axis(0), &rows) };
    let labels = Labels::new(rows.iter().map(|&row| labels[row].clone()).collect()).expect("no name is there twice");
    Ok(KnownClasses { linear, labels })
}

fn distinct(names: &[String]) -> Result<Vec<Label>, KnownClassesError> {
    let mut seen = HashSet::new();
    let label = |name: &String| {
        let numbered = (2..).map(|number| format!("{} ({number})", name.trim()));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        let unused =
            candidates.find(|candidate| seen.insert(composed(candidate.trim()).to_lowercase())).expect("numbers go on");
        Label::new(&unused).map_err(KnownClassesError::Name)
    };
    names.iter().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_read_alike_get_numbers() {
        let names = ["crane", "Crane ", "K\u{e4}fer", "Ka\u{308}fer"].map(str::to_owned);
        let labels = Labels::new(distinct(&names).unwrap()).unwrap();
        let expected = ["crane", "Crane (2)", "K\u{e4}fer", "K\u{e4}fer (2)"];
        assert_eq!(labels.iter().map(Label::as_str).collect::<Vec<_>>(), expected);
    }
}
