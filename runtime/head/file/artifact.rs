//! A head with all that it needs to answer.

use ndarray::{Array2, ArrayView1, ArrayView2, s};

use std::sync::Arc;

use super::{KeptAnswers, LearnedFrom};
use crate::digest::Fingerprint;
use crate::head::calibration::{Temperature, independent_probabilities};
use crate::head::error::InvalidHead;
use crate::head::models::{Channels, Head, Linear, Mlp, OperatingPoint, Outputs, Task};
use crate::head::options::{FitOptions, Goal};
use crate::head::report::{ComparisonReport, FitReport, OperatingReport};
use crate::head::unknown::UnknownRule;
use crate::labels::{ClassIndex, Labels};
use crate::metrics::best_class;
use crate::tensor::Features;

/// A fitted, calibrated head.
#[derive(Clone, PartialEq, Debug)]
pub struct HeadArtifact(pub(in crate::head) ArtifactParts);

/// The parts a [`HeadArtifact`] is checked and made from.
#[derive(Clone, PartialEq, Debug)]
pub struct ArtifactParts {
    pub head: Head,
    /// Of the features that the head is given, of which it takes the first.
    pub channels: Channels,
    pub outputs: Outputs,
    /// How classes are told apart; the default for outputs that are none.
    pub operating: OperatingPoint,
    /// One an output; none where the output is a number.
    pub labels: Labels,
    /// Of the backbone whose features the head was fitted on.
    pub fingerprint: Fingerprint,
    pub temperature: Temperature,
    /// `None` when there were too few samples to set a threshold.
    pub unknown: Option<UnknownRule>,
    pub report: FitReport,
    /// What the head was fitted with; `None` for one of a file older than version 3.
    pub options: Option<FitOptions>,
    /// `None` where that was not noted.
    pub learned_from: Option<LearnedFrom>,
    /// Behind the held-out numbers of the report; `None` where they were not kept.
    pub answers: Option<Arc<KeptAnswers>>,
}

/// Why a head cannot answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    #[error("expected a head for {expected}, got one for {got}")]
    Task { expected: &'static str, got: Task },
    #[error("the samples are of other classes than the head names")]
    OtherClasses,
    #[error("expected features of {expected} channels, got {got}")]
    Dimension { expected: usize, got: usize },
    #[error("expected finite features, got {value} in sample {sample}, channel {channel}")]
    NotFinite { sample: usize, channel: usize, value: f32 },
}

/// What a head says about one sample.
#[derive(Clone, PartialEq, Debug)]
pub struct Scores {
    /// `[K]`, calibrated; they sum to 1 unless a picture may have several labels.
    pub probabilities: Vec<f32>,
    /// The class that is said, or every label that reaches its threshold, likeliest first; nothing where nothing is.
    pub chosen: Vec<ClassIndex>,
    /// Whether the sample is none of the classes: by the rule, because its class is called `none`, `background` or
    /// `unknown`, or because no label reaches its threshold.
    pub unknown: bool,
    /// Whether no class is likely enough to be said.
    pub unsure: bool,
    /// How strange the sample is; `None` when the head has no rule.
    pub unknown_score: Option<f32>,
}

/// The number that a head answers with.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Value {
    pub value: f32,
    /// Whether the sample is unlike those the head was fitted on.
    pub unknown: bool,
    /// How strange the sample is; `None` when the head has no rule.
    pub unknown_score: Option<f32>,
}

impl Scores {
    /// The class of the highest probability.
    pub fn best(&self) -> ClassIndex {
        best_class(ndarray::aview1(&self.probabilities))
    }

    /// The class that is said, or would be if something had to be.
    pub fn said(&self) -> ClassIndex {
        self.chosen.first().copied().unwrap_or_else(|| self.best())
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
        check_outputs(&parts, classes)?;
        check_weights(&parts.head)?;
        if !parts.operating.fits(classes) || (parts.outputs != Outputs::Classes && !parts.operating.is_plain()) {
            return Err(InvalidHead::OperatingPoint(classes));
        }
        if parts.answers.as_ref().is_some_and(|kept| parts.outputs != Outputs::Classes || !kept.fits(classes)) {
            return Err(InvalidHead::Answers(classes));
        }
        check_finite("answers.probabilities", parts.answers.iter().flat_map(|kept| kept.all()))?;
        let Channels { last, all } = parts.channels;
        if !parts.channels.fit(dim) {
            return Err(InvalidHead::Channels { last, all, got: dim });
        }
        if let Some(rule) = &parts.unknown {
            let (got_classes, got_dim) = rule.distance.shape();
            if (got_classes, got_dim) != (classes, last) {
                return Err(InvalidHead::Distance { classes, dim: last, got_classes, got_dim });
            }
        }
        Ok(Self(parts))
    }

    pub fn head(&self) -> &Head {
        &self.0.head
    }

    /// Of the features that the head is given.
    pub fn channels(&self) -> Channels {
        self.0.channels
    }

    pub fn outputs(&self) -> &Outputs {
        &self.0.outputs
    }

    /// How classes are told apart.
    pub fn operating(&self) -> &OperatingPoint {
        &self.0.operating
    }

    /// The same weights with another decision: that of `other`, which names the same classes, and the options and the report
    /// of it.
    ///
    /// # Errors
    /// When the classes differ.
    pub fn with_decision_of(&self, other: &Self) -> Result<Self, HeadError> {
        if self.0.labels != other.0.labels {
            return Err(HeadError::OtherClasses);
        }
        let wanted = other.0.options.as_ref().map_or((None, None), |options| (options.goal.clone(), options.least));
        Ok(self.with_decision(other.0.operating, other.0.report.operating().cloned(), wanted))
    }

    /// The same weights with another decision, what comes of it, and what was wanted of it.
    pub(in crate::head) fn with_decision(
        &self,
        operating: OperatingPoint,
        report: Option<OperatingReport>,
        (goal, least): (Option<Goal>, Option<f64>),
    ) -> Self {
        let mut parts = self.0.clone();
        parts.operating = operating;
        parts.report.set_operating(report);
        parts.report.comparison = None;
        parts.options = parts.options.map(|options| FitOptions { goal, least, ..options });
        Self(parts)
    }

    /// Whether both were fitted on the same pictures and answer alike, but for how they tell classes apart.
    pub fn is_same_but_for_decision(&self, other: &Self) -> bool {
        let (own, theirs) = (&self.0, &other.0);
        (own.fingerprint, own.channels, own.temperature) == (theirs.fingerprint, theirs.channels, theirs.temperature)
            && (&own.head, &own.outputs, &own.unknown) == (&theirs.head, &theirs.outputs, &theirs.unknown)
            && (&own.labels, &own.learned_from) == (&theirs.labels, &theirs.learned_from)
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

    /// What the head was fitted with; `None` for one of a file older than version 3, which does not say.
    pub fn options(&self) -> Option<&FitOptions> {
        self.0.options.as_ref()
    }

    /// The pictures that it was fitted on; `None` where that was not noted.
    pub fn learned_from(&self) -> Option<&LearnedFrom> {
        self.0.learned_from.as_ref()
    }

    /// The same head with a note of the pictures that it was fitted on.
    pub fn noting_pictures(self, learned_from: LearnedFrom) -> Self {
        Self(ArtifactParts { learned_from: Some(learned_from), ..self.0 })
    }

    /// Behind the held-out numbers of the report; `None` where they were not kept.
    pub fn answers(&self) -> Option<&KeptAnswers> {
        self.0.answers.as_deref()
    }

    /// The same head with the answers behind the held-out numbers of its report.
    ///
    /// # Errors
    /// When they are not of this head's classes.
    pub fn noting_answers(self, answers: KeptAnswers) -> Result<Self, InvalidHead> {
        Self::new(ArtifactParts { answers: Some(Arc::new(answers)), ..self.0 })
    }

    /// The same head with what a comparison with the one before it came to.
    pub fn noting_comparison(mut self, comparison: ComparisonReport) -> Self {
        self.0.report.comparison = Some(Box::new(comparison));
        self
    }

    /// Logits before calibration: whole features `[N,W]` to `[N,K]`.
    pub fn logits(&self, features: &Features) -> Result<Array2<f32>, HeadError> {
        let (expected, got) = (self.0.channels.all, features.0.ncols());
        if expected != got {
            return Err(HeadError::Dimension { expected, got });
        }
        if let Some(((sample, channel), &value)) = features.0.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(HeadError::NotFinite { sample, channel, value });
        }
        Ok(self.0.head.logits(features.0.slice(s![.., ..self.0.head.dim()])))
    }

    /// How strange each of whole `features` is; `None` without a rule.
    fn strangeness(&self, features: &Features, logits: ArrayView2<f32>) -> Option<Vec<f32>> {
        let last = features.0.slice(s![.., ..self.0.channels.last]);
        self.0.unknown.as_ref().map(|rule| rule.scores(last, logits))
    }

    /// One number a row of `features` `[N,W]`, from a head for regression.
    pub fn values(&self, features: &Features) -> Result<Vec<Value>, HeadError> {
        if self.0.outputs != Outputs::Value {
            return Err(HeadError::Task { expected: "regression", got: self.0.outputs.task() });
        }
        let values = self.logits(features)?;
        let silent = Array2::zeros(values.dim());
        let strangeness = self.strangeness(features, silent.view());
        let value = |(row, &value): (usize, &f32)| {
            let unknown_score = strangeness.as_ref().map(|scores| scores[row]);
            Value { value, unknown: self.is_strange(unknown_score), unknown_score }
        };
        Ok(values.column(0).iter().enumerate().map(value).collect())
    }

    fn is_strange(&self, unknown_score: Option<f32>) -> bool {
        self.0.unknown.as_ref().zip(unknown_score).is_some_and(|(rule, score)| score > rule.threshold)
    }

    /// The probabilities of [`Scores`] from logits `[N,K]`.
    fn probabilities(&self, logits: Array2<f32>) -> Array2<f32> {
        match &self.0.outputs {
            Outputs::Labels { .. } => independent_probabilities(&(logits / self.0.temperature.value())),
            _ => self.0.temperature.probabilities(logits),
        }
    }

    fn chosen(&self, probabilities: ArrayView1<f32>) -> Vec<ClassIndex> {
        let Outputs::Labels { thresholds } = &self.0.outputs else {
            return self.0.operating.decide(probabilities).into_iter().collect();
        };
        let mut chosen: Vec<ClassIndex> =
            (0..thresholds.len()).filter(|&label| probabilities[label] >= thresholds[label]).map(ClassIndex).collect();
        chosen.sort_by(|a, b| probabilities[b.0].total_cmp(&probabilities[a.0]));
        chosen
    }

    /// One answer a row of `features` `[N,W]`, from a head for classes or labels.
    pub fn predict(&self, features: &Features) -> Result<Vec<Scores>, HeadError> {
        if self.0.outputs == Outputs::Value {
            return Err(HeadError::Task { expected: "classification or multilabel", got: Task::Regression });
        }
        let logits = self.logits(features)?;
        let strangeness = self.strangeness(features, logits.view());
        let probabilities = self.probabilities(logits);
        let scores = probabilities.rows().into_iter().enumerate().map(|(row, probabilities)| {
            let unknown_score = strangeness.as_ref().map(|scores| scores[row]);
            let chosen = self.chosen(probabilities);
            let classes = self.0.outputs == Outputs::Classes;
            let nothing = chosen.first().map_or(!classes, |class| self.means_nothing(*class));
            let unknown = self.is_strange(unknown_score) || nothing;
            let unsure = classes && chosen.is_empty();
            Scores { probabilities: probabilities.to_vec(), chosen, unknown, unsure, unknown_score }
        });
        Ok(scores.collect())
    }

    fn means_nothing(&self, class: ClassIndex) -> bool {
        self.0.labels.get(class).expect("one label a class").means_nothing()
    }
}

fn check_outputs(parts: &ArtifactParts, outputs: usize) -> Result<(), InvalidHead> {
    let expected = if parts.outputs == Outputs::Value { 0 } else { outputs };
    if parts.labels.len() != expected {
        return Err(InvalidHead::Labels { expected, got: parts.labels.len() });
    }
    match &parts.outputs {
        Outputs::Value if outputs != 1 => Err(InvalidHead::Outputs(outputs)),
        Outputs::Labels { thresholds }
            if thresholds.len() != outputs || thresholds.iter().any(|share| !(0.0..=1.0).contains(share)) =>
        {
            Err(InvalidHead::Thresholds { expected: outputs, got: thresholds.clone() })
        }
        _ => Ok(()),
    }
}

fn check_weights(head: &Head) -> Result<(), InvalidHead> {
    match head {
        Head::Linear { linear, .. } => check_linear(linear, ["weight", "bias"]),
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
