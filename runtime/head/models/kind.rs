//! The names of heads.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The form of a head, from simple to less so.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadKind {
    /// Cosine similarity to class means.
    Prototype,
    /// Gaussian classes that share a covariance.
    Lda,
    /// Least squares on one-against-rest targets.
    Ridge,
    /// Multinomial logistic regression.
    Softmax,
    /// The mean of `lda`, `ridge` and `softmax`, each calibrated.
    Average,
    /// One hidden layer between batch normalisations.
    Mlp,
}

/// What an affine layer was fitted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinearKind {
    Lda,
    Ridge,
    Softmax,
    Average,
}

impl HeadKind {
    /// From the simplest to the most flexible.
    pub const ALL: [Self; 6] = [Self::Prototype, Self::Lda, Self::Ridge, Self::Softmax, Self::Average, Self::Mlp];

    /// Whether it is one layer (of features or of their directions).
    pub fn is_linear(self) -> bool {
        self != Self::Mlp
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prototype => "prototype",
            Self::Lda => "lda",
            Self::Ridge => "ridge",
            Self::Softmax => "softmax",
            Self::Average => "average",
            Self::Mlp => "mlp",
        }
    }
}

impl From<LinearKind> for HeadKind {
    fn from(kind: LinearKind) -> Self {
        match kind {
            LinearKind::Lda => Self::Lda,
            LinearKind::Ridge => Self::Ridge,
            LinearKind::Softmax => Self::Softmax,
            LinearKind::Average => Self::Average,
        }
    }
}

/// The name of no head.
#[derive(Debug, thiserror::Error)]
#[error("expected a head of {names}, got `{got}`", names = HeadKind::ALL.map(HeadKind::as_str).join(", "))]
pub struct ParseHeadError {
    got: String,
}

impl fmt::Display for HeadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for HeadKind {
    type Err = ParseHeadError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.ok_or_else(|| ParseHeadError { got: text.to_owned() })
    }
}
