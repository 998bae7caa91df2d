//! What looks wrong in a dataset: labels that held-out answers and neighbours contradict, near-duplicates, outliers,
//! uneven classes.

mod chance;
mod nearest;

use ndarray::ArrayView1;
use serde::Serialize;

use nearest::Nearest;

use crate::dataset::{Dataset, SampleId};
use crate::head::calibration::Temperature;
use crate::head::error::FitError;
use crate::head::fit::{Prepared, careful_kind, trial};
use crate::head::models::Task;
use crate::head::options::FitOptions;
use crate::head::task::with_present_classes;
use crate::labels::{ClassIndex, Label};
use crate::metrics::best_class;

/// From this cosine on, two pictures show the same.
const DUPLICATE: f32 = 0.99;
/// How many robust deviations from the median distance make an outlier.
const OUTLYING: f32 = 4.0;

/// Findings about a dataset, each list with the worst first.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    pub suspects: Vec<Suspect>,
    pub duplicates: Vec<Duplicate>,
    pub outliers: Vec<Outlier>,
    /// How many samples each class has, largest first.
    pub counts: Vec<(Label, usize)>,
}

/// A sample whose label is doubted.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Suspect {
    pub id: SampleId,
    pub label: Label,
    /// What it looks like instead.
    pub suggestion: Label,
    /// How much speaks against the label beyond what its class shows by chance, above 0 and at most 1.
    pub doubt: f32,
    /// What a head that had not seen the sample gives its label.
    pub probability: f32,
    /// How many of its nearest samples have its label, as a share of those that could.
    pub agreement: f32,
}

/// Two samples that are nearly the same.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Duplicate {
    pub first: SampleId,
    pub second: SampleId,
    pub cosine: f32,
    /// `false` is an error in one of the labels.
    pub same_label: bool,
}

/// A sample unlike all others of its class.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Outlier {
    pub id: SampleId,
    pub label: Label,
    /// In robust deviations above the median distance to the nearest samples of the own class.
    pub deviations: f32,
}

/// How unevenly the classes are filled.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Imbalance {
    pub largest: usize,
    pub smallest: usize,
}

impl Diagnosis {
    /// The largest and the smallest class when they differ by more than three times.
    pub fn imbalance(&self) -> Option<Imbalance> {
        let (largest, smallest) = (self.counts.first()?.1, self.counts.last()?.1);
        (largest > 3 * smallest).then_some(Imbalance { largest, smallest })
    }
}

/// Looks at `dataset` with the folds and the seed of `options`.
///
/// # Errors
/// As [`crate::head::fit`].
pub fn diagnose(dataset: &Dataset, options: &FitOptions) -> Result<Diagnosis, FitError> {
    let options = FitOptions { task: Task::Classification, ..options.clone() };
    let data = Prepared::new(dataset, &options)?;
    // In the groups they came with: near-duplicates of other groups are what is looked for.
    let dataset = &*with_present_classes(dataset)?;
    let nearest = Nearest::new(dataset);
    let mut counts: Vec<_> = dataset.labels().iter().cloned().zip(dataset.class_counts()).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(Diagnosis {
        suspects: suspects(&data, &nearest)?,
        duplicates: duplicates(dataset, &nearest),
        outliers: outliers(dataset, &nearest),
        counts,
    })
}

/// Measured samples that a held-out answer or most neighbours contradict, more than right labels of their class would be.
///
/// Source: the out-of-fold probability of the given label is the "self-confidence" of Northcutt, Jiang, Chuang,
/// "Confident Learning", 2021; what is left of the doubt in it is in `chance`.
fn suspects(data: &Prepared, nearest: &Nearest) -> Result<Vec<Suspect>, FitError> {
    let trial = trial(careful_kind(data), data)?;
    let truth = &data.classes().truth;
    let beyond_chance: Vec<f32> =
        chance::shares_by_chance(&trial.outputs, truth).into_iter().map(|share| (1.0 - share) as f32).collect();
    let temperature = Temperature::fit(trial.outputs.view(), truth);
    let probabilities = temperature.probabilities(trial.outputs);
    let counts = data.dataset.class_counts();
    let answers = data.split.measured.iter().zip(probabilities.rows()).zip(beyond_chance);
    let mut suspects: Vec<Suspect> = answers
        .filter_map(|((&row, probabilities), beyond_chance)| {
            let suspect = suspect((row, counts[data.dataset.targets()[row].0]), probabilities, data, nearest)?;
            let doubt = suspect.doubt * beyond_chance;
            (doubt > 0.0).then_some(Suspect { doubt, ..suspect })
        })
        .collect();
    suspects.sort_by(|a, b| b.doubt.total_cmp(&a.doubt).then(a.id.cmp(&b.id)));
    Ok(suspects)
}

/// Of a row whose class has so many. `None` where both the held-out answer and the neighbours are content with the label.
fn suspect(
    (row, of_class): (usize, usize),
    probabilities: ArrayView1<f32>,
    data: &Prepared,
    nearest: &Nearest,
) -> Option<Suspect> {
    let own = data.dataset.targets()[row];
    let neighbours = &nearest.of_all[row];
    let voters =
        |class: usize| neighbours.iter().filter(|(other, _)| data.dataset.targets()[*other].0 == class).count();
    let seen = best_class(probabilities);
    // Of equals the last, but any before the own class.
    let voted = (0..probabilities.len()).max_by_key(|&class| (voters(class), class != own.0)).map(ClassIndex);
    let suggestion = if seen == own { voted.filter(|voted| *voted != own)? } else { seen };
    let agreement = voters(own.0) as f32 / neighbours.len().min(of_class - 1).max(1) as f32;
    let probability = probabilities[own.0];
    let label = |class: ClassIndex| data.dataset.labels().as_slice()[class.0].clone();
    Some(Suspect {
        id: data.dataset.ids()[row],
        label: label(own),
        suggestion: label(suggestion),
        doubt: 1.0 - (2.0 * probability + agreement) / 3.0,
        probability,
        agreement,
    })
}

fn duplicates(dataset: &Dataset, nearest: &Nearest) -> Vec<Duplicate> {
    let mut duplicates = Vec::new();
    for (row, others) in nearest.of_all.iter().enumerate() {
        for &(other, cosine) in others.iter().filter(|(other, cosine)| *other > row && *cosine >= DUPLICATE) {
            if dataset.groups()[row] == dataset.groups()[other] {
                continue;
            }
            let (first, second) = (dataset.ids()[row], dataset.ids()[other]);
            let same_label = dataset.targets()[row] == dataset.targets()[other];
            duplicates.push(Duplicate { first, second, cosine, same_label });
        }
    }
    duplicates.sort_by(|a, b| a.same_label.cmp(&b.same_label).then(b.cosine.total_cmp(&a.cosine)));
    duplicates
}

fn outliers(dataset: &Dataset, nearest: &Nearest) -> Vec<Outlier> {
    let distance = |others: &Vec<(usize, f32)>| {
        let cosines = others.iter().take(3);
        (!others.is_empty())
            .then(|| 1.0 - cosines.clone().map(|(_, cosine)| cosine).sum::<f32>() / cosines.len() as f32)
    };
    let distances: Vec<Option<f32>> = nearest.of_class.iter().map(distance).collect();
    let known: Vec<f32> = distances.iter().copied().flatten().collect();
    let Some(middle) = median(known.clone()) else { return Vec::new() };
    // 1.4826 times the median deviation is the standard deviation of a normal distribution.
    let spread = 1.4826 * median(known.iter().map(|distance| (distance - middle).abs()).collect()).unwrap_or(0.0);
    let outlier = |(row, distance): (usize, &Option<f32>)| {
        let deviations = (distance.as_ref()? - middle) / spread.max(f32::EPSILON);
        let label = dataset.labels().get(dataset.targets()[row])?.clone();
        (deviations > OUTLYING).then_some(Outlier { id: dataset.ids()[row], label, deviations })
    };
    let mut outliers: Vec<Outlier> = distances.iter().enumerate().filter_map(outlier).collect();
    outliers.sort_by(|a, b| b.deviations.total_cmp(&a.deviations));
    outliers
}

fn median(mut values: Vec<f32>) -> Option<f32> {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}
