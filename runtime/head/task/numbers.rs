//! A label is a number.

use ndarray::{Array2, Axis};

use super::{Decision, Measures, TaskRules, TrainingGoal, rescaled};
use crate::dataset::Dataset;
use crate::head::calibration::Temperature;
use crate::head::error::FitError;
use crate::head::folds::{Folds, Split};
use crate::head::models::{HeadKind, Linear, Outputs, Task};
use crate::head::report::{CrossValidation, NumbersReport, TaskReport, rounded, significant};
use crate::head::solve::perceptron::Loss;
use crate::labels::Labels;
use crate::metrics::{RegressionMetrics, regression};

/// Numbers, learned from at mean 0 and deviation 1.
#[derive(Clone)]
pub struct Numbers {
    values: Vec<f64>,
    mean: f64,
    deviation: f64,
    /// Of the measured rows.
    truth: Vec<f64>,
}

impl Numbers {
    /// # Errors
    /// When a label is no number, or there are not two different ones.
    pub fn new(dataset: &Dataset, split: &Split) -> Result<Self, FitError> {
        let values = dataset.numbers()?;
        if values.is_empty() {
            return Err(FitError::NoNumbers);
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        if !(deviation.is_normal() && mean.is_finite()) {
            return Err(FitError::OneNumber(values[0]));
        }
        let truth = split.measured.iter().map(|&row| values[row]).collect();
        Ok(Self { values, mean, deviation, truth })
    }

    fn metrics(&self, outputs: &Array2<f32>) -> Option<RegressionMetrics> {
        let answers: Vec<f64> = outputs.index_axis(Axis(1), 0).iter().copied().map(f64::from).collect();
        let RegressionMetrics { mae, rmse, r2 } = regression(&answers, &self.truth)?;
        Some(RegressionMetrics { mae: significant(mae), rmse: significant(rmse), r2: rounded(r2) })
    }

    /// `[N,1]`
    fn standardised(&self) -> Array2<f32> {
        let value = |(row, _)| ((self.values[row] - self.mean) / self.deviation) as f32;
        Array2::from_shape_fn((self.values.len(), 1), value)
    }
}

impl TaskRules for Numbers {
    fn task(&self) -> Task {
        Task::Regression
    }

    fn kinds(&self) -> &'static [HeadKind] {
        &[HeadKind::Ridge, HeadKind::Mlp]
    }

    fn width(&self) -> usize {
        1
    }

    fn losses(&self, outputs: &Array2<f32>) -> Vec<f64> {
        let answers = outputs.index_axis(Axis(1), 0);
        answers.iter().zip(&self.truth).map(|(&answer, truth)| (f64::from(answer) - truth).powi(2)).collect()
    }

    fn measures(&self, outputs: &Array2<f32>, _: &Split) -> Measures {
        Measures { rmse: self.metrics(outputs).map(|metrics| metrics.rmse), ..Measures::default() }
    }

    fn least_squares_targets(&self, _: &Dataset) -> Array2<f32> {
        self.standardised()
    }

    fn single_groups(&self, dataset: &Dataset) -> Folds {
        Folds::by_group(dataset, usize::MAX, 0)
    }

    fn goal(&self, _: &Dataset) -> TrainingGoal {
        TrainingGoal { targets: self.standardised(), loss: Loss::SquaredError, stratified: false }
    }

    fn in_units(&self, outputs: Array2<f32>) -> Array2<f32> {
        outputs.mapv(|output| (f64::from(output) * self.deviation + self.mean) as f32)
    }

    fn layer_in_units(&self, layer: Linear) -> Linear {
        rescaled(&layer, self.deviation, self.mean)
    }

    fn decide(&self, outputs: &Array2<f32>, _: &Dataset, split: &Split) -> Decision {
        let (folds, samples) = (split.folds.count(), split.measured.len());
        let cv = CrossValidation { folds, samples, ..CrossValidation::default() };
        Decision {
            outputs: Outputs::Value,
            labels: Labels::default(),
            temperature: Temperature::NEUTRAL,
            report: TaskReport::Numbers(NumbersReport { cv, metrics: self.metrics(outputs) }),
            probabilities: None,
        }
    }
}
