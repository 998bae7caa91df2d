//! How much the pictures are like what the backbone knows.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::Serialize;

use crate::backbone::Classifier;
use crate::dataset::Dataset;
use crate::head::{Head, Prototype, Temperature};
use crate::labels::Label;
use crate::metrics::best_class;

/// What features show without any training, and what the backbone's own classifier says where it was kept.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Familiarity {
    /// The share named right by the nearest mean direction of a class, each sample left out of its own.
    pub nearest_mean: f64,
    /// The share that guessing the largest class names right.
    pub chance: f64,
    /// The share of the features' variance that lies between the classes.
    pub between_classes: f64,
    /// Over how many directions the variance is spread (the participation ratio of the covariance's eigenvalues).
    pub effective_rank: f64,
    /// The share of channels that are the same for all pictures.
    pub dead_channels: f64,
    pub source: Option<Recognised>,
}

/// What the classifier that the backbone was cut from makes of the pictures.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Recognised {
    pub classes: usize,
    /// The mean of its highest probability.
    pub confidence: f64,
    /// The share named right by what other pictures of the same source class mostly are.
    pub tells_classes_apart: f64,
    /// What it mostly calls each class: label, source class, share of the pictures.
    pub called: Vec<(Label, String, f64)>,
}

/// Looks at `dataset`, which has samples, with the classifier rows of its own backbone.
pub fn familiarity(dataset: &Dataset, classifier: Option<&Classifier>) -> Familiarity {
    let features = dataset.features().view();
    let largest = dataset.class_counts().into_iter().max().unwrap_or(0);
    let mean = features.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(dataset.dim()));
    let centred = &features - &mean;
    let total = squares(centred.view());
    let dead = centred.columns().into_iter().filter(|channel| channel.iter().all(|value| value.abs() < 1e-6)).count();
    // The squares of the Gram matrix sum to those of the eigenvalues of the covariance.
    let spread = squares(centred.dot(&centred.t()).view());
    Familiarity {
        nearest_mean: nearest_mean(dataset),
        chance: largest as f64 / dataset.len() as f64,
        between_classes: between(dataset, &centred) / total.max(f64::MIN_POSITIVE),
        effective_rank: total * total / spread.max(f64::MIN_POSITIVE),
        dead_channels: dead as f64 / dataset.dim() as f64,
        source: classifier
            .filter(|classifier| classifier.weights.ncols() == dataset.dim())
            .map(|classifier| recognised(dataset, classifier)),
    }
}

fn squares(values: ArrayView2<f32>) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum()
}

/// The sum of squares of the class means, each as often as it has samples.
fn between(dataset: &Dataset, centred: &Array2<f32>) -> f64 {
    let mut sums = Array2::<f32>::zeros((dataset.labels().len(), dataset.dim()));
    for (row, target) in centred.rows().into_iter().zip(dataset.targets()) {
        let mut sum = sums.row_mut(target.0);
        sum += &row;
    }
    let counts = dataset.class_counts();
    let class = |(sum, count): (ndarray::ArrayView1<f32>, usize)| {
        sum.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / count.max(1) as f64
    };
    sums.rows().into_iter().zip(counts).map(class).sum()
}

/// Leave-one-out accuracy of weight imprinting: leaving a sample out takes its own direction from the class's sum.
fn nearest_mean(dataset: &Dataset) -> f64 {
    let mut units = dataset.features().clone();
    for mut row in units.rows_mut() {
        let length = row.iter().map(|&value| value * value).sum::<f32>().sqrt();
        row.mapv_inplace(|value| if length > 0.0 { value / length } else { 0.0 });
    }
    let mut sums = Array2::<f32>::zeros((dataset.labels().len(), dataset.dim()));
    for (unit, target) in units.rows().into_iter().zip(dataset.targets()) {
        let mut sum = sums.row_mut(target.0);
        sum += &unit;
    }
    let lengths = sums.map_axis(Axis(1), |sum| sum.dot(&sum).sqrt().max(f32::MIN_POSITIVE));
    let cosines = Head::Prototype(Prototype { directions: &sums / &lengths.insert_axis(Axis(1)), scale: 1.0 })
        .logits(dataset.features().view());
    let right = units.rows().into_iter().zip(dataset.targets()).enumerate().filter(|(row, (unit, target))| {
        let mut cosines = cosines.row(*row).to_owned();
        let rest = &sums.row(target.0) - unit;
        let length = rest.dot(&rest).sqrt();
        cosines[target.0] = if length > 1e-6 { rest.dot(unit) / length } else { -1.0 };
        best_class(cosines.view()) == **target
    });
    right.count() as f64 / dataset.len() as f64
}

fn recognised(dataset: &Dataset, classifier: &Classifier) -> Recognised {
    let logits = dataset.features().dot(&classifier.weights.t()) + &classifier.bias;
    let probabilities = Temperature::NEUTRAL.probabilities(logits);
    let called: Vec<usize> = probabilities.rows().into_iter().map(|row| best_class(row).0).collect();
    let confidence: f64 =
        probabilities.rows().into_iter().zip(&called).map(|(row, &class)| f64::from(row[class])).sum();
    Recognised {
        classes: classifier.bias.len(),
        confidence: confidence / dataset.len() as f64,
        tells_classes_apart: tells_apart(dataset, &called),
        called: mostly_called(dataset, &called, classifier),
    }
}

fn tells_apart(dataset: &Dataset, called: &[usize]) -> f64 {
    let mut counts = BTreeMap::<usize, Vec<usize>>::new();
    for (source, target) in called.iter().zip(dataset.targets()) {
        counts.entry(*source).or_insert_with(|| vec![0; dataset.labels().len()])[target.0] += 1;
    }
    let right = called.iter().zip(dataset.targets()).filter(|(source, target)| {
        let others = &counts[source];
        let own = others[target.0] - 1;
        own > 0 && others.iter().enumerate().all(|(class, &count)| class == target.0 || count <= own)
    });
    right.count() as f64 / dataset.len() as f64
}

fn mostly_called(dataset: &Dataset, called: &[usize], classifier: &Classifier) -> Vec<(Label, String, f64)> {
    let class = |(class, label): (usize, &Label)| {
        let mut counts = BTreeMap::<usize, usize>::new();
        let own = called.iter().zip(dataset.targets()).filter(|(_, target)| target.0 == class);
        own.for_each(|(source, _)| *counts.entry(*source).or_default() += 1);
        let total: usize = counts.values().sum();
        let (source, count) = counts.into_iter().max_by_key(|(source, count)| (*count, std::cmp::Reverse(*source)))?;
        let name = classifier.labels.get(source).cloned().unwrap_or_else(|| format!("class {source}"));
        Some((label.clone(), name, count as f64 / total as f64))
    };
    dataset.labels().iter().enumerate().filter_map(class).collect()
}
