//! New classes beside those that a backbone's own classifier knew.
//!
//! A new class is imprinted beside the classifier's rows: its row points from the mean of all stored features to the mean
//! of its own, is as long as the classifier's rows are on average, and its bias lies where the boundary against the
//! strongest original class halves the distance between its own samples and the others. A class that the classifier
//! knows by name starts from its row there: the mean of that and what its samples imprint takes its place.
//!
//! Source: Qi, Brown, Lowe, "Low-Shot Learning with Imprinted Weights", 2018. There the features and all rows are
//! normalised, so that cosines compare; a classifier trained without that has rows and biases of its own scale, to which
//! new rows are fitted here instead. All other original rows, and so their logits, are not touched.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};

use crate::dataset::Dataset;
use crate::head::calibration::Temperature;
use crate::head::design::are_constant;
use crate::head::error::FitError;
use crate::head::file::{ArtifactParts, HeadArtifact};
use crate::head::folds::Folds;
use crate::head::models::{Channels, Head, HeadKind, Linear, LinearKind, OperatingPoint, Outputs};
use crate::head::options::FitOptions;
use crate::head::report::{
    Candidate, ClassReport, ClassesReport, CrossValidation, FitReport, KeptReport, TaskReport, rounded,
};
use crate::head::task::with_present_classes;
use crate::head::twins::together;
use crate::labels::{ClassIndex, Label, Labels};
use crate::metrics::{self, Confusion};

/// The classifier was trained at temperature 1; so many held-out samples it takes to say better.
const ENOUGH_FOR_TEMPERATURE: usize = 30;

/// The last layer of a classifier and its classes.
#[derive(Clone, Debug)]
pub struct KnownClasses {
    pub linear: Linear,
    /// One a row.
    pub labels: Labels,
}

/// A head of the classes of `known` and those of `dataset`. A class that both have, whatever its capitals, keeps its place
/// and its original name; the report names it. There is no rule for unknown pictures, since nothing is stored of the originals.
///
/// # Errors
/// When `dataset` has not two classes, or the widths differ.
pub fn fit_beside(dataset: &Dataset, known: &KnownClasses, options: &FitOptions) -> Result<HeadArtifact, FitError> {
    let given = with_present_classes(dataset)?;
    let (dataset, twins) = together(Cow::Borrowed(&*given), true);
    if dataset.dim() != known.linear.dim() {
        return Err(FitError::KnownClasses { expected: dataset.dim(), got: known.linear.dim() });
    }
    if are_constant(dataset.learned()) {
        return Err(FitError::Alike { samples: dataset.pictures() });
    }
    let imprinting = Imprinting::new(&dataset, known);
    let held_out = imprinting.held_out(&Folds::new(&dataset, options.folds, options.seed));
    let temperature = held_out.temperature();
    let mut report = imprinting.report(&held_out, temperature);
    report.near_twins = twins.report(Some(dataset.labels()));
    if let Some(near_twins) = report.near_twins.as_mut().filter(|near_twins| near_twins.pictures > 0) {
        near_twins.accuracy_without = imprinting.held_out(&Folds::new(&given, options.folds, options.seed)).accuracy();
    }
    let all: Vec<usize> = (0..dataset.len()).collect();
    let (labels, head) =
        (imprinting.labels.clone(), Head::Linear { fitted_by: LinearKind::Softmax, linear: imprinting.fitted(&all) });
    let fingerprint = dataset.fingerprint();
    Ok(HeadArtifact::new(ArtifactParts {
        head,
        channels: Channels { last: dataset.last_dim(), all: dataset.width() },
        outputs: Outputs::Classes,
        operating: OperatingPoint::default(),
        labels,
        fingerprint,
        temperature,
        unknown: None,
        report,
        options: Some(options.clone()),
        learned_from: None,
        answers: None,
    })?)
}

struct Imprinting<'a> {
    dataset: &'a Dataset,
    known: &'a KnownClasses,
    /// The known ones, then the new ones.
    labels: Labels,
    /// Where each class of the dataset is among them.
    places: Vec<ClassIndex>,
}

struct HeldOut {
    folds: usize,
    logits: Array2<f32>,
    truth: Vec<ClassIndex>,
}

impl<'a> Imprinting<'a> {
    fn new(dataset: &'a Dataset, known: &'a KnownClasses) -> Self {
        let mut labels = known.labels.as_slice().to_vec();
        let same = |one: &Label, other: &Label| one.as_str().eq_ignore_ascii_case(other.as_str());
        let mut places = Vec::new();
        for label in dataset.labels().iter() {
            let place = known.labels.iter().position(|known| same(known, label)).unwrap_or_else(|| {
                labels.push(label.clone());
                labels.len() - 1
            });
            places.push(ClassIndex(place));
        }
        let labels = Labels::new(labels).expect("a new label differs from all known ones");
        Self { dataset, known, labels, places }
    }

    fn place(&self, row: usize) -> ClassIndex {
        self.places[self.dataset.targets()[row].0]
    }

    fn fitted(&self, rows: &[usize]) -> Linear {
        let features = self.dataset.learned().select(Axis(0), rows);
        let places: Vec<ClassIndex> = rows.iter().map(|&row| self.place(row)).collect();
        imprint(&self.known.linear, (features.view(), &places), self.labels.len())
    }

    fn held_out(&self, folds: &Folds) -> HeldOut {
        let none = Array2::zeros((0, self.labels.len()));
        let mut held_out = HeldOut { folds: folds.count(), logits: none, truth: Vec::new() };
        for fold in folds.iter() {
            let rows: Vec<usize> = fold.iter().copied().filter(|&row| !self.dataset.trains_only(row)).collect();
            let linear = self.fitted(&folds.training_rows(fold));
            let logits = linear.logits(self.dataset.learned().select(Axis(0), &rows).view());
            held_out.logits.append(Axis(0), logits.view()).expect("as wide");
            held_out.truth.extend(rows.iter().map(|&row| self.place(row)));
        }
        held_out
    }

    fn report(&self, held_out: &HeldOut, temperature: Temperature) -> FitReport {
        let truth = &held_out.truth;
        let predicted = metrics::best_classes(held_out.logits.view());
        let classes = Confusion::new(self.labels.len(), truth, &predicted).per_class();
        let counts = self.dataset.picture_counts();
        let class = |class: usize| {
            let place = self.places[class].0;
            ClassReport::new(&self.labels.as_slice()[place], counts[class], &classes[place])
        };
        let per_class: Vec<ClassReport> = (0..self.places.len()).map(class).collect();
        let cv = held_out.summary(temperature, &per_class);
        let matched = self.places.iter().filter(|place| place.0 < self.known.labels.len());
        let candidate = Candidate {
            head: HeadKind::Softmax,
            penalty: None,
            accuracy: cv.accuracy,
            nll: cv.nll,
            rmse: None,
            earlier_maps: false,
            seconds: None,
        };
        let task = ClassesReport {
            classes: self.labels.clone(),
            cv,
            per_class,
            kept: Some(KeptReport {
                classes: self.known.labels.len(),
                matched: matched.map(|place| self.labels.as_slice()[place.0].clone()).collect(),
            }),
            pseudo_labels: None,
            operating: None,
        };
        let report = FitReport::new(HeadKind::Softmax, self.dataset, TaskReport::Classes(task));
        FitReport { candidates: vec![candidate], ..report }
    }
}

impl HeldOut {
    fn accuracy(&self) -> Option<f64> {
        (!self.truth.is_empty()).then(|| rounded(metrics::accuracy(self.logits.view(), &self.truth)))
    }

    /// The temperature of least plain loss among steps of a fifth of an octave around 1. Smoothed targets, which
    /// [`Temperature::fit`] takes, would give a share to each of the many classes that no sample teaches.
    fn temperature(&self) -> Temperature {
        if self.truth.len() < ENOUGH_FOR_TEMPERATURE {
            return Temperature::NEUTRAL;
        }
        let steps = (-10..=10).filter_map(|step| Temperature::new((step as f32 / 5.0).exp2()));
        let loss =
            |temperature: Temperature| metrics::nll(temperature.probabilities(self.logits.clone()).view(), &self.truth);
        let losses = steps.map(|temperature| (temperature, loss(temperature)));
        losses.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(Temperature::NEUTRAL, |(temperature, _)| temperature)
    }

    fn summary(&self, temperature: Temperature, per_class: &[ClassReport]) -> CrossValidation {
        if self.truth.is_empty() {
            return CrossValidation::default();
        }
        let probabilities = temperature.probabilities(self.logits.clone());
        let uncalibrated = Temperature::NEUTRAL.probabilities(self.logits.clone());
        let scores: Vec<f64> = per_class.iter().filter_map(|class| class.f1).collect();
        CrossValidation {
            folds: self.folds,
            samples: self.truth.len(),
            accuracy: self.accuracy(),
            macro_f1: Some(rounded(scores.iter().sum::<f64>() / scores.len().max(1) as f64)),
            nll: Some(rounded(metrics::nll(probabilities.view(), &self.truth))),
            ece: Some(rounded(metrics::ece(probabilities.view(), &self.truth))),
            ece_uncalibrated: Some(rounded(metrics::ece(uncalibrated.view(), &self.truth))),
            ..CrossValidation::default()
        }
    }
}

/// `known` with rows for the classes of the samples: in place of those that are there, behind them for the others.
///
/// # Shapes
/// `samples`: `[N,C]` and N classes below `classes`; the result `[classes,C]`.
fn imprint(known: &Linear, samples: (ArrayView2<f32>, &[ClassIndex]), classes: usize) -> Linear {
    let (features, targets) = samples;
    let length = known.weights.rows().into_iter().map(norm).sum::<f32>() / known.classes().max(1) as f32;
    let middle = features.mean_axis(Axis(0)).expect("at least one sample");
    let taught: BTreeSet<usize> = targets.iter().map(|target| target.0).collect();
    let strongest = strongest(known, features, &taught);
    let mut weights = concatenate![Axis(0), known.weights, Array2::zeros((classes - known.classes(), known.dim()))];
    // A class whose samples are all held out is never the answer.
    let unseen = Array1::from_elem(classes - known.classes(), f32::MIN / 4.0);
    let mut bias = concatenate![Axis(0), known.bias, unseen];
    for class in taught {
        let (own, others): (Vec<usize>, Vec<usize>) = (0..targets.len()).partition(|&row| targets[row].0 == class);
        let mean = features.select(Axis(0), &own).mean_axis(Axis(0)).expect("a class of some sample");
        let direction = mean - &middle;
        let mut row = &direction * (length / norm(direction.view()).max(f32::MIN_POSITIVE));
        if class < known.classes() {
            row = (row + known.weights.row(class)) / 2.0;
        }
        let lead = features.dot(&row) - &strongest;
        let mean_lead = |rows: &[usize]| lead.select(Axis(0), rows).mean();
        let inside = mean_lead(&own).expect("a class of some sample");
        bias[class] = -(inside + mean_lead(&others).unwrap_or(inside)) / 2.0;
        weights.row_mut(class).assign(&row);
    }
    Linear { weights, bias }
}

/// The highest logit of each sample among the classes that no sample teaches; 0 where there are none.
fn strongest(known: &Linear, features: ArrayView2<f32>, taught: &BTreeSet<usize>) -> Array1<f32> {
    let untaught: Vec<usize> = (0..known.classes()).filter(|class| !taught.contains(class)).collect();
    if untaught.is_empty() {
        return Array1::zeros(features.nrows());
    }
    let logits = known.logits(features).select(Axis(1), &untaught);
    logits.map_axis(Axis(1), |row| row.fold(f32::NEG_INFINITY, |highest, &logit| highest.max(logit)))
}

fn norm(row: ndarray::ArrayView1<f32>) -> f32 {
    row.dot(&row).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{DatasetParts, GroupId, SampleId};
    use crate::digest::{Digest, Fingerprint};
    use crate::tensor::Features;
    use ndarray::array;

    fn labels(names: &[&str]) -> Labels {
        Labels::new(names.iter().map(|name| Label::new(name).unwrap()).collect()).unwrap()
    }

    /// Two classes along the first two of four channels.
    fn known() -> KnownClasses {
        let weights = array![[2.0, -1.0, 0.0, 0.0], [-1.0, 2.0, 0.0, 0.0]];
        KnownClasses { linear: Linear { weights, bias: array![0.1, -0.1] }, labels: labels(&["Ant", "bee"]) }
    }

    fn dataset(names: &[&str]) -> Dataset {
        let features = Array2::from_shape_fn((12, 4), |(row, channel)| {
            let own = if channel == 2 + row % 2 { 3.0 } else { 0.3 };
            own + ((row * 5 + channel * 3) % 7) as f32 / 20.0
        });
        Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"backbone")),
            features,
            targets: (0..12).map(|row| ClassIndex(row % 2)).collect(),
            groups: (0..12).map(GroupId).collect(),
            ids: (0..12).map(SampleId).collect(),
            labels: labels(names),
        })
        .unwrap()
    }

    #[test]
    fn new_classes_stand_beside_the_known_ones_whose_logits_stay() {
        let head = fit_beside(&dataset(&["moth", "wasp"]), &known(), &FitOptions::default()).unwrap();
        assert_eq!(head.labels().as_slice(), labels(&["Ant", "bee", "moth", "wasp"]).as_slice());
        let asked =
            Features(array![[3.0, 0.3, 0.3, 0.3], [0.3, 3.0, 0.3, 0.3], [0.3, 0.3, 3.0, 0.3], [0.3, 0.3, 0.3, 3.0]]);
        let logits = head.logits(&asked).unwrap();
        assert_eq!(metrics::best_classes(logits.view()), [0, 1, 2, 3].map(ClassIndex));
        assert_eq!(logits.slice(ndarray::s![.., ..2]), known().linear.logits(asked.0.view()));
        assert_eq!((head.report().cv().samples, head.report().cv().accuracy), (12, Some(1.0)));
        assert!(head.unknown().is_none());
    }

    #[test]
    fn a_class_that_the_classifier_knows_starts_from_its_row_and_is_named() {
        let head = fit_beside(&dataset(&["ant", "wasp"]), &known(), &FitOptions::default()).unwrap();
        let linear = head.head().linear().expect("one layer");
        assert!(linear.weights[[0, 2]] > 0.5 && linear.weights[[0, 0]] > 0.5, "taught {}, known", linear.weights);
        assert_eq!(linear.weights.row(1), known().linear.weights.row(1));
        assert_eq!(head.labels().as_slice(), labels(&["Ant", "bee", "wasp"]).as_slice());
        let kept = head.report().of_classes().and_then(|report| report.kept.clone()).unwrap();
        assert_eq!((kept.classes, kept.matched), (2, vec![Label::new("Ant").unwrap()]));
    }

    #[test]
    fn rows_of_another_width_are_refused() {
        let narrow = KnownClasses {
            linear: Linear { weights: array![[1.0, 2.0]], bias: array![0.0] },
            labels: labels(&["ant"]),
        };
        let error = fit_beside(&dataset(&["moth", "wasp"]), &narrow, &FitOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "expected classifier rows of 4 channels, got 2");
    }
}
