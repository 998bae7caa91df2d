//! What is said about one picture.

use serde::Serialize;

use crate::backbone::Provider;
use crate::head::{HeadArtifact, HeadError, Outputs, Scores};
use crate::labels::Label;
use crate::tensor::Features;

/// The classes of one picture, likeliest first.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[non_exhaustive]
pub struct Prediction {
    pub label: Label,
    /// Calibrated probability of `label`.
    pub score: f32,
    /// Whether the picture is none of the classes.
    pub unknown: bool,
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
    pub head_version: u64,
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
        let ranked = scores.ranked().into_iter().take(top.max(1));
        let top: Vec<_> = ranked.map(|(class, score)| RankedLabel { label: label(class), score }).collect();
        let RankedLabel { label, score } = top[0].clone();
        Self { label, score, unknown: scores.unknown, top, labels: several }
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
