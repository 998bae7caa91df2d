//! `fit-head --keep-classes`: new classes beside those of the backbone's own classifier.

use std::collections::HashSet;

use ndarray::Axis;

use super::MORE;
use crate::backbone::{Classifier, Package};
use crate::cli::failure::{OrHint, failure};
use crate::dataset::Dataset;
use crate::head::{FitOptions, HeadArtifact, KeptReport, KnownClasses, Linear, fit_beside};
use crate::labels::{Label, Labels};

const NAMED: &str =
    "import the backbone with the names of its classes: edgetl backbone import MODEL.onnx --labels FILE";

pub fn fit(
    dataset: &Dataset,
    (package, names): (&Package, &[String]),
    options: &FitOptions,
) -> anyhow::Result<HeadArtifact> {
    fit_beside(dataset, &known(package, names)?, options).or_hint(MORE)
}

/// The classes of the backbone's own classifier that are named, or all.
pub fn known(package: &Package, names: &[String]) -> anyhow::Result<KnownClasses> {
    let name = &package.manifest().name;
    let Some(classifier) = package.classifier() else {
        return Err(failure(
            format!("expected a backbone that kept its classifier, got `{name}`, which has none"),
            "only a linear classifier right behind the feature is kept: see `edgetl backbone inspect`; fit without it",
        ));
    };
    if classifier.labels.is_empty() {
        return Err(failure(format!("expected names of the classes of `{name}`, got none"), NAMED));
    }
    chosen(classifier, names)
}

/// The rows that are named, or all. A name that the classifier has twice gets a number the second time.
fn chosen(classifier: &Classifier, names: &[String]) -> anyhow::Result<KnownClasses> {
    let labels = distinct(&classifier.labels)?;
    let place = |name: &String| {
        let same = |label: &Label| label.as_str().eq_ignore_ascii_case(name.trim());
        labels.iter().position(same).ok_or_else(|| {
            failure(
                format!("expected a class of the backbone's classifier, got `{name}`"),
                "labels.txt in the backbone's folder names them all; --keep-classes alone keeps every one",
            )
        })
    };
    let mut rows: Vec<usize> = match names.is_empty() {
        true => (0..labels.len()).collect(),
        false => names.iter().map(place).collect::<Result<_, _>>()?,
    };
    rows.sort_unstable();
    rows.dedup();
    let linear =
        Linear { weights: classifier.weights.select(Axis(0), &rows), bias: classifier.bias.select(Axis(0), &rows) };
    Ok(KnownClasses { linear, labels: Labels::new(rows.iter().map(|&row| labels[row].clone()).collect())? })
}

fn distinct(names: &[String]) -> anyhow::Result<Vec<Label>> {
    let mut seen = HashSet::new();
    let label = |name: &String| {
        let numbered = (2..).map(|number| format!("{name} ({number})"));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        let unused = candidates.find(|candidate| seen.insert(candidate.to_lowercase())).expect("numbers go on");
        Label::new(&unused)
    };
    names.iter().map(label).collect::<Result<_, _>>().or_hint(NAMED)
}

/// What was kept, in words.
pub fn text(report: &KeptReport) -> String {
    let matched: Vec<&str> = report.matched.iter().map(Label::as_str).collect();
    let known = match matched.is_empty() {
        true => String::new(),
        false => format!("; known already, and taught from their rows on: {}", matched.join(", ")),
    };
    format!("beside {} classes of the backbone's own classifier{known}", report.classes)
}
