//! What a user wants of a decision, where the likeliest class is not it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::labels::Label;

/// How classes are to be told apart. With more than two classes the first two look at one class against all others: a
/// picture is called by its label where that is likely enough, and else by the likeliest other one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// Find at least this share of the pictures of a class, with as few false alarms as that allows.
    Recall { label: Label, share: f64 },
    /// Of the pictures that are called so, at least this share is; with as many found as that allows.
    Precision { label: Label, share: f64 },
    /// Every mistake costs 1, and taking a picture of `wrong` for one of `taken_for` costs `times`; the class of least
    /// expected cost is said.
    Cost { wrong: Label, taken_for: Label, times: f64 },
}

impl Goal {
    /// The class that it is about.
    pub fn label(&self) -> &Label {
        match self {
            Self::Recall { label, .. } | Self::Precision { label, .. } => label,
            Self::Cost { wrong, .. } => wrong,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recall { label, share } => write!(f, "recall {label}={share}"),
            Self::Precision { label, share } => write!(f, "precision {label}={share}"),
            Self::Cost { wrong, taken_for, times } => write!(f, "cost {wrong}:{taken_for}={times}"),
        }
    }
}
