//! What a head learns from labels: classes, numbers, or any of several names. Each has its loss, its measures and its
//! decision; everything else about fitting is the same for all.

mod classes;
mod names;
mod numbers;

use std::borrow::Cow;

use ndarray::{Array1, Array2};

pub use classes::{Classes, sample_weights, with_present_classes};
pub use names::Names;
pub use numbers::Numbers;

use super::calibration::Temperature;
use super::error::FitError;
use super::folds::{Folds, Split};
use super::models::{HeadKind, Linear, Outputs, Task};
use super::options::FitOptions;
use super::report::TaskReport;
use super::solve::perceptron::Loss;
use super::twins::{Twins, together};
use crate::dataset::Dataset;
use crate::labels::Labels;

/// The labels of a dataset, read as its task says.
#[derive(Clone)]
pub enum Target {
    Classes(Classes),
    Numbers(Numbers),
    Names(Names),
}

/// A dataset with its labels read, and what of it is held out when.
pub struct Read<'a> {
    pub dataset: Cow<'a, Dataset>,
    pub target: Target,
    pub split: Split,
    pub twins: Twins,
}

/// What is held out together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Together {
    /// Groups, and near-twins with one another.
    NearTwins,
    /// Groups as they came: what near-twins do to a number.
    GroupsAlone,
}

/// What is measured of answers out of fold, for a comparison of heads. `None` where nothing was held out or the measure is
/// another task's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measures {
    pub accuracy: Option<f64>,
    pub nll: Option<f64>,
    pub rmse: Option<f64>,
}

/// What outputs come to mean, and what they are worth.
pub struct Decision {
    pub outputs: Outputs,
    /// One an output; none where the output is a number.
    pub labels: Labels,
    pub temperature: Temperature,
    pub report: TaskReport,
    /// `[M,K]`, calibrated, of the measured rows; `None` for a task without classes.
    pub probabilities: Option<Array2<f32>>,
}

/// What a perceptron is taught.
pub struct TrainingGoal {
    /// `[N,K]`
    pub targets: Array2<f32>,
    pub loss: Loss,
    /// Whether rows held back to stop by come from every class.
    pub stratified: bool,
}

/// What one task needs to be fitted like any other.
///
/// Shapes: `outputs` are `[M,K]`, of the measured rows: logits, or numbers in the unit of the labels.
pub trait TaskRules {
    fn task(&self) -> Task;

    /// The heads that can learn it, from the simplest; `average` is made of others.
    fn kinds(&self) -> &'static [HeadKind];

    /// K.
    fn width(&self) -> usize;

    /// The loss of every measured row, after calibration.
    fn losses(&self, outputs: &Array2<f32>) -> Vec<f64>;

    fn measures(&self, outputs: &Array2<f32>, split: &Split) -> Measures;

    /// `[N,K]`: what least squares are fitted to.
    fn least_squares_targets(&self, dataset: &Dataset) -> Array2<f32>;

    /// Groups that can be held out one by one.
    fn single_groups(&self, dataset: &Dataset) -> Folds;

    fn goal(&self, dataset: &Dataset) -> TrainingGoal;

    /// Outputs in the unit of the labels.
    fn in_units(&self, outputs: Array2<f32>) -> Array2<f32> {
        outputs
    }

    /// A last layer whose outputs are in the unit of the labels.
    fn layer_in_units(&self, layer: Linear) -> Linear {
        layer
    }

    /// One weight a row, their sum N.
    fn weights(&self, dataset: &Dataset) -> Vec<f64> {
        vec![1.0; dataset.len()]
    }

    fn decide(&self, outputs: &Array2<f32>, dataset: &Dataset, split: &Split) -> Decision;
}

impl Target {
    pub fn rules(&self) -> &dyn TaskRules {
        match self {
            Self::Classes(classes) => classes,
            Self::Numbers(numbers) => numbers,
            Self::Names(names) => names,
        }
    }
}

impl<'a> Read<'a> {
    /// # Errors
    /// When there is too little to learn from, or a label cannot be read as the task needs it.
    pub fn new(dataset: &'a Dataset, options: &FitOptions, kept: Together) -> Result<Self, FitError> {
        let classes = options.task == Task::Classification;
        let dataset = if classes { with_present_classes(dataset)? } else { Cow::Borrowed(dataset) };
        let (dataset, twins) = match kept {
            Together::NearTwins => together(dataset, classes),
            Together::GroupsAlone => (dataset, Twins::default()),
        };
        if classes {
            let split = Split::new(Folds::new(&dataset, options.folds, options.seed), &dataset);
            let target = Target::Classes(Classes::new(&dataset, &split, options.balance));
            return Ok(Self { dataset, target, split, twins });
        }
        let split = Split::new(Folds::by_group(&dataset, options.folds, options.seed), &dataset);
        let target = match options.task {
            Task::Regression => Target::Numbers(Numbers::new(&dataset, &split)?),
            _ => Target::Names(Names::new(&dataset, &split)?),
        };
        if dataset.dim() == 0 {
            return Err(FitError::NoChannels);
        }
        Ok(Self { dataset, target, split, twins })
    }
}

/// `layer` with its outputs times `factor` plus `offset`.
fn rescaled(layer: &Linear, factor: f64, offset: f64) -> Linear {
    let scaled = |value: f32| f64::from(value) * factor;
    Linear {
        weights: layer.weights.mapv(|weight| scaled(weight) as f32),
        bias: Array1::from_iter(layer.bias.iter().map(|&bias| (scaled(bias) + offset) as f32)),
    }
}
