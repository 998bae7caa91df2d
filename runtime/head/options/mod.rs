//! What a user may choose about fitting.

mod goal;
mod mlp;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use goal::Goal;
pub use mlp::{Initialisation, LearningRate, MlpSettings, ParseSettingError};

use crate::head::models::{HeadKind, ParseHeadError, Task};

/// Which head to fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadChoice {
    /// The one that cross-validation finds best.
    Auto,
    /// The best one without the perceptron, which takes longer than all others together where samples are few.
    Linear,
    Only(HeadKind),
}

/// How to fit a head. [`FitOptions::default`] is what `fit-head` does without flags. A head's file keeps them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct FitOptions {
    pub task: Task,
    pub head: HeadChoice,
    /// Gives every class the same total weight.
    pub balance: bool,
    /// The highest number of folds; fewer where there are fewer groups.
    pub folds: usize,
    /// Decides which group goes to which fold.
    pub seed: u64,
    /// L2 penalties to choose from, on the weights of standardised features beside the summed loss (scikit-learn's
    /// `1/C` and `alpha`); `None` for each head's own.
    pub penalties: Option<Vec<f64>>,
    /// The share of known pictures that may be called unknown.
    pub false_reject: f64,
    /// How classes are told apart, where it is not the likeliest that is wanted.
    pub goal: Option<Goal>,
    /// Nothing is said where the probability of what would be said is below this.
    pub least: Option<f64>,
    /// Seconds that [`HeadChoice::Auto`] may spend on trying heads, as a count of multiplications of which a core is taken to
    /// do 20 billion a second: no decision depends on a clock, so that the same samples give the same head. `None` tries every closed
    /// form, logistic regression where it takes 45 seconds at most, and the perceptron where it takes half a second.
    pub budget: Option<f64>,
    /// Bytes that a fit may take, about; `None` for half of what the process may use. Heads for which that is too little are
    /// left out. A head does not depend on it in any other way, so its file does not keep it.
    #[serde(skip)]
    pub memory: Option<u64>,
    /// How a perceptron is trained.
    pub mlp: MlpSettings,
    /// What whoever fitted it wants to remember of it; changes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether the channels of earlier maps are learned from; `None`: where held-out answers are clearly better with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earlier_maps: Option<bool>,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            task: Task::Classification,
            head: HeadChoice::Auto,
            balance: false,
            folds: 5,
            seed: 0,
            penalties: None,
            false_reject: 0.05,
            goal: None,
            least: None,
            budget: None,
            memory: None,
            mlp: MlpSettings::default(),
            note: None,
            earlier_maps: None,
        }
    }
}

impl HeadChoice {
    /// Whether one of several is chosen by cross-validation.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Only(_))
    }
}

impl fmt::Display for HeadChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Linear => f.pad("linear"),
            Self::Only(kind) => kind.fmt(f),
        }
    }
}

impl FromStr for HeadChoice {
    type Err = ParseHeadError;

    /// `auto`, `linear` or the name of a head.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "linear" => Ok(Self::Linear),
            _ => text.parse().map(Self::Only),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_head_is_chosen_by_the_name_it_prints() {
        for kind in HeadKind::ALL {
            assert_eq!(kind.to_string().parse::<HeadChoice>().unwrap(), HeadChoice::Only(kind));
        }
        for choice in [HeadChoice::Auto, HeadChoice::Linear] {
            assert_eq!(choice.to_string().parse::<HeadChoice>().unwrap(), choice);
        }
        let error = "svm".parse::<HeadChoice>().unwrap_err();
        assert_eq!(error.to_string(), "expected a head of prototype, lda, ridge, softmax, average, mlp, got `svm`");
    }
}
