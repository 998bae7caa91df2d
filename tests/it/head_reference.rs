//! The numbers that `tools/reference/heads.py` took from scikit-learn.

use edgetl::dataset::{Dataset, DatasetParts, GroupId, SampleId};
use edgetl::digest::{Digest, Fingerprint};
use edgetl::head::{FitOptions, HeadChoice, HeadKind, Linear, Temperature, fit, ridge_regression, softmax_regression};
use edgetl::labels::{ClassIndex, Label, Labels};
use edgetl::metrics;
use ndarray::{Array1, Array2, Axis};
use serde::Deserialize;

#[derive(Deserialize)]
struct Problem {
    features: Vec<Vec<f32>>,
    targets: Vec<usize>,
    softmax: Vec<Softmax>,
    uneven_rows: Vec<usize>,
    softmax_balanced: Vec<Softmax>,
    ridge: Ridge,
    lda: Lda,
}

#[derive(Deserialize)]
struct Softmax {
    penalty: f64,
    objective: f64,
    logits: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Ridge {
    penalties: Vec<f64>,
    errors: Vec<f64>,
    penalty: f64,
    weights: Vec<Vec<f32>>,
    intercept: Vec<f32>,
}

#[derive(Deserialize)]
struct Lda {
    weights: Vec<Vec<f32>>,
    intercept: Vec<f32>,
}

#[derive(Deserialize)]
struct Calibration {
    logits: Vec<Vec<f32>>,
    targets: Vec<usize>,
    temperature: f32,
    ece_before: f64,
    ece_after: f64,
}

fn problems() -> [Problem; 2] {
    let texts =
        [include_str!("../fixtures/head/many_samples.json"), include_str!("../fixtures/head/many_channels.json")];
    texts.map(|text| serde_json::from_str(text).unwrap())
}

fn matrix(rows: &[Vec<f32>]) -> Array2<f32> {
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

impl Problem {
    fn dataset(&self) -> Dataset {
        let classes = self.targets.iter().max().unwrap() + 1;
        let samples = self.targets.len() as i64;
        Dataset::new(DatasetParts {
            fingerprint: Fingerprint(Digest::of(b"backbone")),
            features: matrix(&self.features),
            targets: self.targets.iter().copied().map(ClassIndex).collect(),
            groups: (0..samples).map(GroupId).collect(),
            ids: (0..samples).map(SampleId).collect(),
            labels: Labels::new((0..classes).map(|class| Label::new(&format!("class {class}")).unwrap()).collect())
                .unwrap(),
        })
        .unwrap()
    }
}

fn assert_close(
    name: &str,
    ours: impl IntoIterator<Item = f32>,
    theirs: impl IntoIterator<Item = f32>,
    tolerance: f32,
) {
    for (place, (ours, theirs)) in ours.into_iter().zip(theirs).enumerate() {
        assert!((ours - theirs).abs() <= tolerance * (1.0 + theirs.abs()), "{name} {place}: {ours} {theirs}");
    }
}

/// What is the same for all classes changes no probability, and no penalty falls on it.
fn centred(logits: Array2<f32>) -> Array2<f32> {
    let means = logits.mean_axis(Axis(1)).unwrap().insert_axis(Axis(1));
    logits - means
}

fn compare_softmax(dataset: &Dataset, balance: bool, references: &[Softmax]) {
    for reference in references {
        let ours = softmax_regression(dataset, reference.penalty, balance).unwrap();
        let excess = ours.objective / reference.objective - 1.0;
        assert!(excess <= 1e-5, "penalty {}: {} against {}", reference.penalty, ours.objective, reference.objective);
        assert!(excess >= -1e-5, "penalty {}: below the minimum", reference.penalty);
        let logits = ours.linear.logits(dataset.features().slice(ndarray::s![..8, ..]));
        assert_close("logit", centred(logits), centred(matrix(&reference.logits)), 5e-3);
    }
}

#[test]
fn softmax_reaches_the_objective_of_scikit_learn() {
    for problem in problems() {
        compare_softmax(&problem.dataset(), false, &problem.softmax);
    }
}

#[test]
fn balanced_softmax_reaches_the_objective_of_scikit_learn() {
    for problem in problems() {
        compare_softmax(&problem.dataset().select(&problem.uneven_rows), true, &problem.softmax_balanced);
    }
}

#[test]
fn ridge_has_the_weights_and_the_leave_one_out_errors_of_scikit_learn() {
    for problem in problems() {
        let ours = ridge_regression(&problem.dataset(), &problem.ridge.penalties).unwrap();
        assert_eq!(ours.penalty, problem.ridge.penalty);
        for ((penalty, error), theirs) in ours.errors.iter().zip(&problem.ridge.errors) {
            assert!((error / theirs - 1.0).abs() < 1e-5, "penalty {penalty}: {error} {theirs}");
        }
        let Linear { weights, bias } = ours.linear;
        assert_close("weight", weights, matrix(&problem.ridge.weights), 1e-5);
        assert_close("bias", bias, Array1::from(problem.ridge.intercept), 1e-5);
    }
}

#[test]
fn lda_has_the_weights_of_scikit_learns_shrunk_covariance() {
    for problem in problems() {
        let dataset = problem.dataset();
        let head =
            fit(&dataset, &FitOptions { head: HeadChoice::Only(HeadKind::Lda), ..FitOptions::default() }).unwrap();
        let fitted = head.head().linear().expect("an lda head");
        let Linear { weights, bias } = fitted.clone();
        assert_close("weight", weights, matrix(&problem.lda.weights), 1e-4);
        assert_close("bias", bias, Array1::from(problem.lda.intercept), 1e-4);
    }
}

#[test]
fn temperature_and_calibration_error_are_the_references() {
    let reference: Calibration = serde_json::from_str(include_str!("../fixtures/head/temperature.json")).unwrap();
    let logits = matrix(&reference.logits);
    let targets: Vec<ClassIndex> = reference.targets.iter().copied().map(ClassIndex).collect();
    let fitted = Temperature::fit(logits.view(), &targets);
    assert!((fitted.value() / reference.temperature - 1.0).abs() < 1e-4, "{fitted:?}");
    let error = |temperature: Temperature| metrics::ece(temperature.probabilities(logits.clone()).view(), &targets);
    assert!((error(Temperature::NEUTRAL) - reference.ece_before).abs() < 1e-4);
    assert!((error(fitted) - reference.ece_after).abs() < 1e-4);
}
