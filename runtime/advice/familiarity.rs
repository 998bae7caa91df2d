//! How much the pictures are like what the backbone knows.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use serde::Serialize;

use crate::backbone::Classifier;
use crate::dataset::Dataset;
use crate::head::{Head, Prototype, Temperature};
use crate::labels::{ClassIndex, Label};
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

/// Rows that are looked at together: no copy of all features is made.
const ROWS: usize = 4096;

/// Looks at `dataset`, which has samples, with the classifier rows of its own backbone.
pub fn familiarity(dataset: &Dataset, classifier: Option<&Classifier>) -> Familiarity {
    let largest = dataset.class_counts().into_iter().max().unwrap_or(0);
    let Spread { total, between, of_squares, dead } = Spread::of(dataset);
    Familiarity {
        nearest_mean: nearest_mean(dataset),
        chance: largest as f64 / dataset.len() as f64,
        between_classes: between / total.max(f64::MIN_POSITIVE),
        effective_rank: total * total / of_squares.max(f64::MIN_POSITIVE),
        dead_channels: dead as f64 / dataset.dim() as f64,
        source: classifier
            .filter(|classifier| classifier.weights.ncols() == dataset.dim())
            .map(|classifier| recognised(dataset, classifier)),
    }
}

/// How features spread around their mean.
struct Spread {
    /// The sum of squares.
    total: f64,
    /// The part of it between the classes: of the class means, each as often as it has samples.
    between: f64,
    /// Of the eigenvalues of the sums of products, the sum of squares.
    of_squares: f64,
    /// Channels that are the same for all samples.
    dead: usize,
}

impl Spread {
    fn of(dataset: &Dataset) -> Self {
        let learned = dataset.learned();
        let (samples, channels) = learned.dim();
        let mean = mean(learned);
        let mut sums = Array2::<f32>::zeros((dataset.labels().len(), channels));
        let mut widest = Array1::<f32>::zeros(channels);
        let (mut total, mut of_squares) = (0.0, 0.0);
        let mut products = Array2::<f64>::zeros(if samples > channels { (channels, channels) } else { (0, 0) });
        for (features, targets) in learned.axis_chunks_iter(Axis(0), ROWS).zip(dataset.targets().chunks(ROWS)) {
            let centred = &features - &mean;
            total += squares(centred.view());
            for (row, target) in centred.rows().into_iter().zip(targets) {
                let mut sum = sums.row_mut(target.0);
                sum += &row;
                widest.zip_mut_with(&row, |widest, value| *widest = widest.max(value.abs()));
            }
            // Products of samples have the same eigenvalues as those of channels: whichever are fewer.
            if samples > channels {
                products += &centred.t().dot(&centred).mapv(f64::from);
            } else {
                of_squares = learned
                    .axis_chunks_iter(Axis(0), ROWS)
                    .fold(of_squares, |sum, others| sum + squares(centred.dot(&(&others - &mean).t()).view()));
            }
        }
        of_squares += products.iter().map(|value| value * value).sum::<f64>();
        let class = |(sum, count): (ArrayView1<f32>, usize)| squares(sum.insert_axis(Axis(0))) / count.max(1) as f64;
        let between = sums.rows().into_iter().zip(dataset.class_counts()).map(class).sum();
        Self { total, between, of_squares, dead: widest.iter().filter(|widest| **widest < 1e-6).count() }
    }
}

fn mean(features: ArrayView2<f32>) -> Array1<f32> {
    let mut sums = Array1::<f64>::zeros(features.ncols());
    features.rows().into_iter().for_each(|row| sums.zip_mut_with(&row, |sum, &value| *sum += f64::from(value)));
    (sums / features.nrows().max(1) as f64).mapv(|mean| mean as f32)
}

fn squares(values: ArrayView2<f32>) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum()
}

/// Leave-one-out accuracy of weight imprinting: leaving a sample out takes its own direction from the class's sum.
fn nearest_mean(dataset: &Dataset) -> f64 {
    let mut sums = Array2::<f32>::zeros((dataset.labels().len(), dataset.dim()));
    let learned = dataset.learned();
    for (feature, target) in learned.rows().into_iter().zip(dataset.targets()) {
        let mut sum = sums.row_mut(target.0);
        sum += &unit(feature);
    }
    let lengths = sums.map_axis(Axis(1), |sum| sum.dot(&sum).sqrt().max(f32::MIN_POSITIVE));
    let head = Head::Prototype(Prototype { directions: &sums / &lengths.insert_axis(Axis(1)), scale: 1.0 });
    let right = |(features, targets): (ArrayView2<f32>, &[ClassIndex])| {
        let cosines = head.logits(features);
        let rows = features.rows().into_iter().zip(targets).zip(cosines.rows());
        rows.filter(|((feature, target), cosines)| {
            let (unit, mut cosines) = (unit(*feature), cosines.to_owned());
            let rest = &sums.row(target.0) - &unit;
            let length = rest.dot(&rest).sqrt();
            cosines[target.0] = if length > 1e-6 { rest.dot(&unit) / length } else { -1.0 };
            best_class(cosines.view()) == **target
        })
        .count()
    };
    let chunks = learned.axis_chunks_iter(Axis(0), ROWS).zip(dataset.targets().chunks(ROWS));
    chunks.map(right).sum::<usize>() as f64 / dataset.len() as f64
}

fn unit(feature: ArrayView1<f32>) -> Array1<f32> {
    let length = feature.iter().map(|&value| value * value).sum::<f32>().sqrt();
    feature.mapv(|value| if length > 0.0 { value / length } else { 0.0 })
}

fn recognised(dataset: &Dataset, classifier: &Classifier) -> Recognised {
    let (mut called, mut confidence) = (Vec::with_capacity(dataset.len()), 0.0);
    for features in dataset.learned().axis_chunks_iter(Axis(0), ROWS) {
        let logits = features.dot(&classifier.weights.t()) + &classifier.bias;
        for row in Temperature::NEUTRAL.probabilities(logits).rows() {
            let class = best_class(row).0;
            confidence += f64::from(row[class]);
            called.push(class);
        }
    }
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
