//! What may be chosen about training a perceptron.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a perceptron is trained. [`MlpSettings::default`] is what `fit-head --head mlp` does without flags.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct MlpSettings {
    /// Hidden values; `None` for twice as many as channels, within [`MlpSettings::WIDTHS`].
    pub width: Option<usize>,
    /// The share of hidden values that is left out of each step, below 1.
    pub dropout: f32,
    pub initialisation: Initialisation,
    pub learning_rate: LearningRate,
    /// Decoupled from the gradient.
    pub weight_decay: f32,
    /// The highest number of passes over the samples.
    pub epochs: usize,
    /// Samples a step, at least 2; `None` for a sixteenth of all, within [`MlpSettings::BATCHES`].
    pub batch: Option<usize>,
    /// Epochs without a lower validation loss before training ends; 0 holds no validation samples back.
    pub patience: usize,
}

impl MlpSettings {
    /// Twice the channels is what the course teaches for large sets. On some hundred pictures more than the upper limit
    /// costs time in proportion and gains nothing.
    pub const WIDTHS: (usize, usize) = (16, 256);

    /// Few samples need small batches: it is steps that they learn by.
    pub const BATCHES: (usize, usize) = (16, 64);

    /// Samples a step of `samples`.
    pub fn batch_for(&self, samples: usize) -> usize {
        self.batch.unwrap_or((samples / 16).clamp(Self::BATCHES.0, Self::BATCHES.1))
    }

    /// H for features of `channels`.
    pub fn width_for(&self, channels: usize) -> usize {
        self.width.unwrap_or((2 * channels).clamp(Self::WIDTHS.0, Self::WIDTHS.1))
    }
}

impl Default for MlpSettings {
    fn default() -> Self {
        Self {
            width: None,
            dropout: 0.5,
            initialisation: Initialisation::Kaiming,
            learning_rate: LearningRate::Usual,
            weight_decay: 1e-2,
            epochs: 30,
            batch: None,
            patience: 8,
        }
    }
}

/// Where the weights start; biases start at 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initialisation {
    /// Uniform within `±sqrt(6 / inputs)` before the ReLU and `±1 / sqrt(inputs)` before the answers.
    ///
    /// Source: He et al., "Delving Deep into Rectifiers", 2015, equation 10.
    Kaiming,
    /// Uniform within `±sqrt(6 / (inputs + outputs))`.
    ///
    /// Source: Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010,
    /// equation 16.
    Xavier,
    /// As Kaiming, with the last layer at a hundredth: the first answers are equal for all classes.
    Scaled,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LearningRate {
    /// 0.001.
    Usual,
    /// A tenth of the rate at which the loss is least while the rate grows from step to step.
    Find,
    Fixed(f32),
}

/// The name of no choice.
#[derive(Debug, thiserror::Error)]
#[error("expected {expected}, got `{got}`")]
pub struct ParseSettingError {
    expected: &'static str,
    got: String,
}

impl ParseSettingError {
    fn new(expected: &'static str, got: &str) -> Self {
        Self { expected, got: got.to_owned() }
    }
}

impl FromStr for Initialisation {
    type Err = ParseSettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "kaiming" => Ok(Self::Kaiming),
            "xavier" => Ok(Self::Xavier),
            "scaled" => Ok(Self::Scaled),
            _ => Err(ParseSettingError::new("kaiming, xavier or scaled", text)),
        }
    }
}

impl FromStr for LearningRate {
    type Err = ParseSettingError;

    /// `find`, or a number above 0.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<f32>() {
            _ if text == "find" => Ok(Self::Find),
            Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(Self::Fixed(rate)),
            _ => Err(ParseSettingError::new("find or a number above 0", text)),
        }
    }
}

impl fmt::Display for LearningRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => f.write_str("usual"),
            Self::Find => f.write_str("find"),
            Self::Fixed(rate) => rate.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_follows_the_channels_within_limits() {
        let width = |channels| MlpSettings::default().width_for(channels);
        assert_eq!([4, 100, 1280].map(width), [16, 200, 256]);
        assert_eq!(MlpSettings { width: Some(2560), ..MlpSettings::default() }.width_for(1280), 2560);
    }

    #[test]
    fn a_learning_rate_is_a_number_or_is_looked_for() {
        assert_eq!("find".parse::<LearningRate>().unwrap(), LearningRate::Find);
        assert_eq!("0.01".parse::<LearningRate>().unwrap(), LearningRate::Fixed(0.01));
        for text in ["0", "-1", "inf", "fast"] {
            assert!(text.parse::<LearningRate>().is_err(), "{text}");
        }
    }
}
