//! What is said about one picture.

use serde::Serialize;

use crate::backbone::Provider;
use crate::head::{HeadArtifact, HeadError, Scores};
use crate::labels::Label;
use crate::tensor::Features;

/// The classes of one picture, likeliest first.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Prediction {
    pub label: Label,
    /// Calibrated probability of `label`.
    pub score: f32,
    /// Whether the picture is none of the classes.
    pub unknown: bool,
    pub top: Vec<RankedLabel>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RankedLabel {
    pub label: Label,
    pub score: f32,
}

/// A prediction with its origins: the object that `predict --json` prints, whoever asks for it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Answer {
    /// Of the picture, as the asker named it.
    pub path: String,
    #[serde(flatten)]
    pub prediction: Prediction,
    pub head_version: u64,
    pub provider: Provider,
}

impl Prediction {
    /// The best `top` classes by `head`; at least one.
    pub fn new(scores: &Scores, head: &HeadArtifact, top: usize) -> Self {
        let label = |class| head.labels().get(class).expect("one label a score").clone();
        let ranked = scores.ranked().into_iter().take(top.max(1));
        let top: Vec<_> = ranked.map(|(class, score)| RankedLabel { label: label(class), score }).collect();
        let RankedLabel { label, score } = top[0].clone();
        Self { label, score, unknown: scores.unknown, top }
    }

    /// The prediction for one feature vector `[C]`.
    ///
    /// # Errors
    /// When the vector does not fit the head.
    pub fn of_feature(feature: &[f32], head: &HeadArtifact, top: usize) -> Result<Self, HeadError> {
        let row = ndarray::ArrayView2::from_shape((1, feature.len()), feature).expect("one row");
        let scores = head.predict(&Features(row.to_owned()))?;
        Ok(Self::new(&scores[0], head, top))
    }
}
