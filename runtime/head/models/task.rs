//! What a head is asked for, and what its outputs mean.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What is learned from the labels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// A label names the one class of a picture.
    #[default]
    Classification,
    /// A label is a number.
    Regression,
    /// A label holds any of several names.
    Multilabel,
}

impl Task {
    pub const ALL: [Self; 3] = [Self::Classification, Self::Regression, Self::Multilabel];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Multilabel => "multilabel",
        }
    }

    /// For skipping what was there before there were other tasks.
    pub(in crate::head) fn is_classification(&self) -> bool {
        *self == Self::Classification
    }
}

/// The name of no task.
#[derive(Debug, thiserror::Error)]
#[error("expected classification, regression or multilabel, got `{got}`")]
pub struct ParseTaskError {
    got: String,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Task {
    type Err = ParseTaskError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|task| task.as_str() == text);
        named.ok_or_else(|| ParseTaskError { got: text.to_owned() })
    }
}

/// What the outputs of a head are.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Outputs {
    /// Logits of classes of which a picture has one.
    #[default]
    Classes,
    /// One number.
    Value,
    /// Logits of labels of which a picture has any, each from its own probability on.
    Labels { thresholds: Vec<f32> },
}

impl Outputs {
    pub fn task(&self) -> Task {
        match self {
            Self::Classes => Task::Classification,
            Self::Value => Task::Regression,
            Self::Labels { .. } => Task::Multilabel,
        }
    }
}
