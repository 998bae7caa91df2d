//! How a perceptron was trained.

use serde::{Deserialize, Serialize};

/// How a perceptron was trained on all samples.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrainingReport {
    /// Hidden values.
    pub width: usize,
    /// The highest of the schedule.
    pub learning_rate: f64,
    /// How many samples the weights were fitted to.
    pub samples: usize,
    /// How many were held back to stop by.
    pub validation_samples: usize,
    /// What [`Epoch::gradient_norms`] belong to.
    pub layers: Vec<String>,
    pub epochs: Vec<Epoch>,
    /// Whose weights were kept, from 0.
    pub kept_epoch: usize,
    /// The curve that the learning rate was read from, when it was looked for.
    pub finder: Option<RateFinder>,
}

/// One pass over the samples.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Epoch {
    /// At its first step.
    pub rate: f64,
    /// The mean over its steps, each before the weights changed.
    pub training_loss: f64,
    /// Without smoothing; `None` when no samples were held back.
    pub validation_loss: Option<f64>,
    /// The mean length of each layer's gradient.
    pub gradient_norms: Vec<f64>,
}

/// Loss over learning rate, while the rate grows from step to step.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RateFinder {
    pub points: Vec<FinderPoint>,
    pub chosen: f64,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct FinderPoint {
    pub rate: f64,
    /// A running mean.
    pub loss: f64,
}
