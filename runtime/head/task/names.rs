//! A label holds any of several names: independent logistic outputs, each with a threshold of its own.

use ndarray::{Array2, ArrayView1, Axis};

use super::{Decision, Measures, TaskRules, TrainingGoal};
use crate::dataset::{Dataset, Tags};
use crate::head::calibration::{Temperature, independent_probabilities};
use crate::head::error::FitError;
use crate::head::folds::{Folds, Split};
use crate::head::models::{HeadKind, Outputs, Task};
use crate::head::report::{ClassReport, CrossValidation, NamesReport, TaskReport, rounded};
use crate::head::solve::perceptron::Loss;
use crate::metrics::{self, best_threshold, binary_losses, exact_match};

/// Which of several names each sample has.
#[derive(Clone)]
pub struct Names {
    pub tags: Tags,
    /// `[M,K]`, of the measured rows.
    truth: Array2<bool>,
}

impl Names {
    /// # Errors
    /// When a label holds an empty name, or there is no name at all.
    pub fn new(dataset: &Dataset, split: &Split) -> Result<Self, FitError> {
        let tags = dataset.tags()?;
        if tags.labels.is_empty() {
            return Err(FitError::NoNames);
        }
        let truth = tags.present.select(Axis(0), &split.measured);
        Ok(Self { tags, truth })
    }

    /// The mean over rows and names; NaN when nothing was held out.
    pub fn loss(&self, logits: &Array2<f32>) -> f64 {
        let losses = self.losses(logits);
        losses.iter().sum::<f64>() / losses.len() as f64
    }

    /// Thresholds that give the highest F1 on the measured rows at `places`.
    fn thresholds(&self, probabilities: &Array2<f32>, places: &[usize]) -> Vec<f32> {
        let columns = probabilities.columns().into_iter().zip(self.truth.columns());
        let threshold = |(probabilities, present): (ArrayView1<f32>, ArrayView1<bool>)| {
            let probabilities: Vec<f32> = places.iter().map(|&place| probabilities[place]).collect();
            let present: Vec<bool> = places.iter().map(|&place| present[place]).collect();
            best_threshold(&probabilities, &present)
        };
        columns.map(threshold).collect()
    }

    /// `[M,K]`: what is said of each fold with thresholds from the others.
    fn said_out_of_fold(&self, probabilities: &Array2<f32>, split: &Split) -> Array2<bool> {
        let mut said = Array2::from_elem(self.truth.dim(), false);
        for own in split.places() {
            let others: Vec<usize> =
                (0..split.measured.len()).filter(|place| own.binary_search(place).is_err()).collect();
            let thresholds = self.thresholds(probabilities, &others);
            for place in own {
                for (name, threshold) in thresholds.iter().enumerate() {
                    said[[place, name]] = probabilities[[place, name]] >= *threshold;
                }
            }
        }
        said
    }

    fn per_class(&self, said: &Array2<bool>) -> Vec<ClassReport> {
        let rows = self.tags.labels.iter().zip(metrics::per_label(self.truth.view(), said.view()));
        let count = |present: ArrayView1<bool>| present.iter().filter(|present| **present).count();
        let rows = rows.zip(self.tags.present.columns());
        rows.map(|((label, metrics), present)| ClassReport::new(label, count(present), &metrics)).collect()
    }
}

impl TaskRules for Names {
    fn task(&self) -> Task {
        Task::Multilabel
    }

    fn kinds(&self) -> &'static [HeadKind] {
        &[HeadKind::Softmax, HeadKind::Mlp]
    }

    fn width(&self) -> usize {
        self.tags.labels.len()
    }

    fn losses(&self, logits: &Array2<f32>) -> Vec<f64> {
        binary_losses(independent_probabilities(logits).view(), self.truth.view())
    }

    fn measures(&self, logits: &Array2<f32>, split: &Split) -> Measures {
        if split.measured.is_empty() {
            return Measures::default();
        }
        let said = self.said_out_of_fold(&independent_probabilities(logits), split);
        Measures {
            accuracy: Some(rounded(exact_match(self.truth.view(), said.view()))),
            nll: Some(rounded(self.loss(logits))),
            rmse: None,
        }
    }

    fn least_squares_targets(&self, _: &Dataset) -> Array2<f32> {
        self.tags.present.mapv(|present| if present { 1.0 } else { -1.0 })
    }

    fn single_groups(&self, dataset: &Dataset) -> Folds {
        Folds::by_group(dataset, usize::MAX, 0)
    }

    fn goal(&self, _: &Dataset) -> TrainingGoal {
        let targets = self.tags.present.mapv(|present| f32::from(u8::from(present)));
        TrainingGoal { targets, loss: Loss::Logistic, stratified: false }
    }

    fn decide(&self, logits: &Array2<f32>, _: &Dataset, split: &Split) -> Decision {
        let probabilities = independent_probabilities(logits);
        let thresholds = self.thresholds(&probabilities, &(0..split.measured.len()).collect::<Vec<_>>());
        let said = self.said_out_of_fold(&probabilities, split);
        let per_class = self.per_class(&said);
        let f1: Vec<f64> = per_class.iter().filter_map(|class| class.f1).collect();
        let measured = |value: f64| (!split.measured.is_empty()).then(|| rounded(value));
        let cv = CrossValidation {
            folds: split.folds.count(),
            samples: split.measured.len(),
            accuracy: measured(exact_match(self.truth.view(), said.view())),
            macro_f1: measured(f1.iter().sum::<f64>() / f1.len().max(1) as f64),
            nll: measured(self.loss(logits)),
            ..CrossValidation::default()
        };
        let report = NamesReport {
            classes: self.tags.labels.clone(),
            cv,
            per_class,
            thresholds: thresholds.iter().map(|&threshold| rounded(threshold.into())).collect(),
        };
        Decision {
            outputs: Outputs::Labels { thresholds },
            labels: self.tags.labels.clone(),
            temperature: Temperature::NEUTRAL,
            report: TaskReport::Names(report),
            probabilities: None,
        }
    }
}
