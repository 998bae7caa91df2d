//! What a user may choose about fitting.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{MlpSettings, Task};

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

/// Which head to fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeadChoice {
    /// The one that cross-validation finds best.
    Auto,
    Only(HeadKind),
}

/// On which channels a head is fitted, those of highest F in an analysis of variance over the classes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Selection {
    /// As many as lose least out of fold: all, a half, a quarter or an eighth.
    Auto,
    Top(usize),
}

impl FromStr for Selection {
    type Err = ParseSelectionError;

    /// `auto` or a number above 0.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(count) if count > 0 => Ok(Self::Top(count)),
            _ => Err(ParseSelectionError { got: text.to_owned() }),
        }
    }
}

/// No number of channels.
#[derive(Debug, thiserror::Error)]
#[error("expected auto or a number of channels above 0, got `{got}`")]
pub struct ParseSelectionError {
    got: String,
}

/// How to fit a head. [`FitOptions::default`] is what `fit-head` does without flags.
#[derive(Clone, PartialEq, Debug)]
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
    /// Seconds that [`HeadChoice::Auto`] may spend on trying heads, as a count of multiplications of which a core is taken to
    /// do 20 billion a second: no clock is read, so that the same samples give the same head. `None` tries every linear
    /// head, and the perceptron where it takes half a second.
    pub budget: Option<f64>,
    /// For classification: fits the head that was chosen on some of the channels; `None` for all.
    pub select: Option<Selection>,
    /// How a perceptron is trained.
    pub mlp: MlpSettings,
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
            budget: None,
            select: None,
            mlp: MlpSettings::default(),
        }
    }
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

/// The name of no head.
#[derive(Debug, thiserror::Error)]
#[error("expected a head of {names}, got `{got}`", names = expected_names())]
pub struct ParseHeadError {
    got: String,
}

fn expected_names() -> String {
    HeadKind::ALL.map(HeadKind::as_str).join(", ")
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

impl fmt::Display for HeadChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Only(kind) => kind.fmt(f),
        }
    }
}

impl FromStr for HeadChoice {
    type Err = ParseHeadError;

    /// `auto` or the name of a head.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
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
        assert_eq!("auto".parse::<HeadChoice>().unwrap(), HeadChoice::Auto);
        let error = "svm".parse::<HeadChoice>().unwrap_err();
        assert_eq!(error.to_string(), "expected a head of prototype, lda, ridge, softmax, average, mlp, got `svm`");
    }
}
