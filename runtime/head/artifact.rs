//! A head with all that it needs to answer, and its file.

use ndarray::Array2;

use super::unknown::UnknownRule;
use super::{FitReport, Head, Linear, Mlp, Temperature};
use crate::digest::Fingerprint;
use crate::labels::{ClassIndex, Labels};
use crate::metrics::best_class;
use crate::tensor::Features;

/// Labels, in any case, that mean "none of the others".
const NAMES_OF_NOTHING: [&str; 3] = ["none", "background", "unknown"];

/// A fitted, calibrated head.
#[derive(Clone, PartialEq, Debug)]
pub struct HeadArtifact(pub(super) ArtifactParts);

/// The parts a [`HeadArtifact`] is checked and made from.
#[derive(Clone, PartialEq, Debug)]
pub struct ArtifactParts {
    pub head: Head,
    /// One a logit.
    pub labels: Labels,
    /// Of the backbone whose features the head was fitted on.
    pub fingerprint: Fingerprint,
    pub temperature: Temperature,
    /// `None` when there were too few samples to set a threshold.
    pub unknown: Option<UnknownRule>,
    pub report: FitReport,
}

/// Parts that do not make a head.
#[derive(Debug, thiserror::Error)]
pub enum InvalidHead {
    #[error("expected a head of at least one class and one channel, got {classes} and {dim}")]
    Empty { classes: usize, dim: usize },
    #[error("expected {expected} labels, one a class, got {got}")]
    Labels { expected: usize, got: usize },
    #[error("expected {expected} biases, one a class, got {got}")]
    Biases { expected: usize, got: usize },
    #[error("expected as many hidden values in both layers, got {hidden} and {output}")]
    Width { hidden: usize, output: usize },
    #[error("expected finite numbers in the tensor `{0}`")]
    NotFinite(&'static str),
    #[error("expected distances to {classes} classes in {dim} channels, got {got_classes} and {got_dim}")]
    Distance { classes: usize, dim: usize, got_classes: usize, got_dim: usize },
}

/// Why a head cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    #[error("expected features of {expected} channels, got {got}")]
    Dimension { expected: usize, got: usize },
    #[error("expected finite features, got {value} in sample {sample}, channel {channel}")]
    NotFinite { sample: usize, channel: usize, value: f32 },
}

/// What a head says about one sample.
#[derive(Clone, PartialEq, Debug)]
pub struct Scores {
    /// `[K]`, calibrated, summing to 1.
    pub probabilities: Vec<f32>,
    /// Whether the sample is none of the classes, by the rule or because its class is called `none`, `background` or
    /// `unknown`.
    pub unknown: bool,
    /// How strange the sample is; `None` when the head has no rule.
    pub unknown_score: Option<f32>,
}

impl Scores {
    /// The class of the highest probability.
    pub fn best(&self) -> ClassIndex {
        best_class(ndarray::aview1(&self.probabilities))
    }

    /// All classes with their probabilities, highest first.
    pub fn ranked(&self) -> Vec<(ClassIndex, f32)> {
        let mut ranked: Vec<_> =
            self.probabilities.iter().enumerate().map(|(class, &p)| (ClassIndex(class), p)).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }
}

impl HeadArtifact {
    /// # Errors
    /// When the parts do not fit together or a weight is not finite.
    pub fn new(parts: ArtifactParts) -> Result<Self, InvalidHead> {
        let (classes, dim) = (parts.head.classes(), parts.head.dim());
        if classes == 0 || dim == 0 {
            return Err(InvalidHead::Empty { classes, dim });
        }
        if parts.labels.len() != classes {
            return Err(InvalidHead::Labels { expected: classes, got: parts.labels.len() });
        }
        check_weights(&parts.head)?;
        if let Some(rule) = &parts.unknown {
            let (got_classes, got_dim) = rule.distance.shape();
            if (got_classes, got_dim) != (classes, dim) {
                return Err(InvalidHead::Distance { classes, dim, got_classes, got_dim });
            }
        }
        Ok(Self(parts))
    }

    pub fn head(&self) -> &Head {
        &self.0.head
    }

    pub fn labels(&self) -> &Labels {
        &self.0.labels
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    pub fn temperature(&self) -> Temperature {
        self.0.temperature
    }

    pub fn unknown(&self) -> Option<&UnknownRule> {
        self.0.unknown.as_ref()
    }

    pub fn report(&self) -> &FitReport {
        &self.0.report
    }

    /// Logits before calibration: `[N,C]` to `[N,K]`.
    pub fn logits(&self, features: &Features) -> Result<Array2<f32>, HeadError> {
        let (expected, got) = (self.0.head.dim(), features.0.ncols());
        if expected != got {
            return Err(HeadError::Dimension { expected, got });
        }
        if let Some(((sample, channel), &value)) = features.0.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(HeadError::NotFinite { sample, channel, value });
        }
        Ok(self.0.head.logits(features.0.view()))
    }

    /// One answer a row of `features` `[N,C]`.
    pub fn predict(&self, features: &Features) -> Result<Vec<Scores>, HeadError> {
        let logits = self.logits(features)?;
        let strangeness = self.0.unknown.as_ref().map(|rule| rule.scores(features.0.view(), logits.view()));
        let probabilities = self.0.temperature.probabilities(logits);
        let scores = probabilities.rows().into_iter().enumerate().map(|(row, probabilities)| {
            let unknown_score = strangeness.as_ref().map(|scores| scores[row]);
            let strange =
                self.0.unknown.as_ref().zip(unknown_score).is_some_and(|(rule, score)| score > rule.threshold);
            let unknown = strange || self.means_nothing(best_class(probabilities));
            Scores { probabilities: probabilities.to_vec(), unknown, unknown_score }
        });
        Ok(scores.collect())
    }

    fn means_nothing(&self, class: ClassIndex) -> bool {
        let label = self.0.labels.get(class).expect("one label a class");
        NAMES_OF_NOTHING.iter().any(|name| label.as_str().eq_ignore_ascii_case(name))
    }
}

fn check_weights(head: &Head) -> Result<(), InvalidHead> {
    match head {
        Head::Softmax(linear) | Head::Ridge(linear) | Head::Lda(linear) => check_linear(linear, ["weight", "bias"]),
        Head::Mlp(Mlp { hidden, output }) => {
            if hidden.classes() != output.dim() {
                return Err(InvalidHead::Width { hidden: hidden.classes(), output: output.dim() });
            }
            check_linear(hidden, ["hidden.weight", "hidden.bias"])?;
            check_linear(output, ["output.weight", "output.bias"])
        }
        Head::Prototype(prototype) => {
            check_finite("directions", &prototype.directions)?;
            check_finite("scale", [&prototype.scale])
        }
    }
}

fn check_linear(linear: &Linear, [weight, bias]: [&'static str; 2]) -> Result<(), InvalidHead> {
    if linear.bias.len() != linear.classes() {
        return Err(InvalidHead::Biases { expected: linear.classes(), got: linear.bias.len() });
    }
    check_finite(weight, &linear.weights)?;
    check_finite(bias, &linear.bias)
}

fn check_finite<'a>(name: &'static str, values: impl IntoIterator<Item = &'a f32>) -> Result<(), InvalidHead> {
    let finite = values.into_iter().all(|value| value.is_finite());
    finite.then_some(()).ok_or(InvalidHead::NotFinite(name))
}
