//! What may be chosen about training a perceptron.

use std::fmt;
use std::str::FromStr;

/// How a perceptron is trained. [`MlpSettings::default`] is what `fit-head --head mlp` does without flags.
#[derive(Clone, PartialEq, Debug)]
pub struct MlpSettings {
    /// Hidden values; `None` for twice as many as channels, within [`MlpSettings::WIDTHS`].
    pub width: Option<usize>,
    /// The share of hidden values that is left out of each step, below 1.
    pub dropout: f32,
    pub initialisation: Initialisation,
    pub optimiser: Optimiser,
    pub schedule: Schedule,
    pub learning_rate: LearningRate,
    /// Decoupled for Adam, part of the gradient for SGD, as in PyTorch.
    pub weight_decay: f32,
    /// The share of every target that is spread over all classes.
    pub label_smoothing: f32,
    /// Alpha of the Beta distribution that pairs of samples are mixed by; 0 mixes none.
    pub mixup: f32,
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
            optimiser: Optimiser::Adam,
            schedule: Schedule::Cosine,
            learning_rate: LearningRate::Usual,
            weight_decay: 1e-2,
            label_smoothing: 0.1,
            mixup: 0.0,
            epochs: 30,
            batch: None,
            patience: 8,
        }
    }
}

/// Where the weights start; biases start at 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Optimiser {
    /// With decoupled weight decay.
    Adam,
    Sgd {
        momentum: f32,
    },
}

/// How the learning rate goes over the steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schedule {
    Constant,
    /// From the rate to 0 along half a cosine.
    Cosine,
    /// From a 25th up to the rate and down to almost 0.
    OneCycle,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum LearningRate {
    /// 0.001 for Adam, 0.02 for SGD.
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

impl FromStr for Schedule {
    type Err = ParseSettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "constant" => Ok(Self::Constant),
            "cosine" => Ok(Self::Cosine),
            "one-cycle" => Ok(Self::OneCycle),
            _ => Err(ParseSettingError::new("constant, cosine or one-cycle", text)),
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

impl Optimiser {
    /// The learning rate that usually does.
    pub fn usual_rate(self) -> f32 {
        match self {
            Self::Adam => 1e-3,
            Self::Sgd { .. } => 2e-2,
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

impl Schedule {
    /// Of the highest learning rate, the factor at `step` of `total`.
    ///
    /// Source of the one cycle: Smith, Topin, "Super-Convergence", 2018, as PyTorch's `OneCycleLR` computes it with its
    /// defaults (three tenths of the steps up, cosines both ways).
    pub fn factor(self, step: usize, total: usize) -> f32 {
        const FIRST: f32 = 1.0 / 25.0;
        const LAST: f32 = FIRST / 1e4;
        let cosine = |from: f32, to: f32, progress: f32| {
            to + (from - to) / 2.0 * (1.0 + (std::f32::consts::PI * progress.clamp(0.0, 1.0)).cos())
        };
        let (step, total) = (step as f32, total as f32);
        match self {
            Self::Constant => 1.0,
            Self::Cosine => cosine(1.0, 0.0, step / total),
            Self::OneCycle => {
                let (peak, end) = ((0.3 * total - 1.0).max(0.0), (total - 1.0).max(1.0));
                match step <= peak {
                    true => cosine(FIRST, 1.0, step / peak.max(f32::MIN_POSITIVE)),
                    false => cosine(1.0, LAST, (step - peak) / (end - peak)),
                }
            }
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
    fn a_cosine_falls_from_one_to_nothing_and_one_cycle_rises_first() {
        let factors = |schedule: Schedule| (0..20).map(|step| schedule.factor(step, 20)).collect::<Vec<_>>();
        let cosine = factors(Schedule::Cosine);
        assert!(cosine[0] == 1.0 && cosine.is_sorted_by(|a, b| a > b) && cosine[19] < 0.01);
        let cycle = factors(Schedule::OneCycle);
        let highest = (0..20).max_by(|a, b| cycle[*a].total_cmp(&cycle[*b])).unwrap();
        assert!((cycle[0] - 0.04).abs() < 1e-6 && highest == 5 && cycle[5] == 1.0);
        assert!((cycle[19] - 4e-6).abs() < 1e-7);
        assert_eq!(factors(Schedule::Constant), [1.0; 20]);
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
