//! What is said about one picture.

use serde::Serialize;

use super::Reason;
use crate::backbone::Provider;
use crate::head::{HeadArtifact, HeadError, Outputs, Scores};
use crate::labels::Label;
use crate::tensor::Features;

/// The classes of one picture, likeliest first.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Prediction {
    /// What the picture is called; `None` where it is unknown, or no class is likely enough to be said: there is no label
    /// to act on then.
    pub label: Option<Label>,
    /// Calibrated probability of `label`, else of `nearest`.
    pub score: f32,
    /// Whether the picture is none of the classes.
    pub unknown: bool,
    /// Whether no class is likely enough to be said.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unsure: bool,
    /// What it would be called if it had to be called something.
    pub nearest: Label,
    /// How strange the picture is; `None` for a head without a rule for that.
    pub distance: Option<f32>,
    /// The distance from which on a picture is unknown.
    pub threshold: Option<f32>,
    pub top: Vec<RankedLabel>,
    /// For heads that name several labels: those that reach their thresholds, likeliest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<RankedLabel>>,
}

/// What any head says about one picture.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub enum Statement {
    Prediction(Prediction),
    Number {
        value: f32,
        /// Whether the picture is unlike those the head was fitted on.
        unknown: bool,
    },
}

/// A statement with its origins: the object that `predict --json` prints, whoever asks for it.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Answer {
    /// Of the picture, as the asker named it.
    pub path: String,
    #[serde(flatten)]
    pub statement: Statement,
    /// Which rule decided; only where it was asked for, and not for a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Reason>,
    pub head_version: u64,
    /// The first 12 digits of the SHA-256 of the head's file: two devices may number different heads alike.
    pub head_hash: String,
    pub provider: Provider,
}

impl Statement {
    /// What `head` says of one feature vector `[C]`; of classes or labels, the best `top`.
    ///
    /// # Errors
    /// When the vector does not fit the head.
    pub fn of_feature(feature: &[f32], head: &HeadArtifact, top: usize) -> Result<Self, HeadError> {
        if *head.outputs() != Outputs::Value {
            return Prediction::of_feature(feature, head, top).map(Self::Prediction);
        }
        let value = head.values(&features(feature))?[0];
        Ok(Self::Number { value: value.value, unknown: value.unknown })
    }
}

/// `[1,C]`
fn features(feature: &[f32]) -> Features {
    let row = ndarray::ArrayView2::from_shape((1, feature.len()), feature).expect("one row");
    Features(row.to_owned())
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RankedLabel {
    pub label: Label,
    pub score: f32,
}

impl Prediction {
    /// The best `top` classes by `head`; at least one.
    pub fn new(scores: &Scores, head: &HeadArtifact, top: usize) -> Self {
        let label = |class| head.labels().get(class).expect("one label a score").clone();
        let several = matches!(head.outputs(), Outputs::Labels { .. }).then(|| {
            let chosen = scores.chosen.iter();
            chosen.map(|&class| RankedLabel { label: label(class), score: scores.probabilities[class.0] }).collect()
        });
        let ranked = scores.ranked();
        let likeliest = ranked[0].0;
        let nearest = match head.outputs() {
            Outputs::Labels { .. } => likeliest,
            _ => scores.chosen.first().copied().unwrap_or(likeliest),
        };
        let says = !scores.unknown && !scores.unsure;
        Self {
            label: says.then(|| label(nearest)),
            score: scores.probabilities[nearest.0],
            unknown: scores.unknown,
            unsure: scores.unsure,
            nearest: label(nearest),
            distance: scores.unknown_score,
            threshold: head.unknown().map(|rule| rule.threshold),
            top: ranked
                .into_iter()
                .take(top.max(1))
                .map(|(class, score)| RankedLabel { label: label(class), score })
                .collect(),
            labels: several,
        }
    }

    /// The prediction for one feature vector `[C]`.
    ///
    /// # Errors
    /// When the vector does not fit the head.
    pub fn of_feature(feature: &[f32], head: &HeadArtifact, top: usize) -> Result<Self, HeadError> {
        let scores = head.predict(&features(feature))?;
        Ok(Self::new(&scores[0], head, top))
    }
}
