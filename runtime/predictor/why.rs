//! Which rule decided, where it was not the likeliest class alone.

use serde::Serialize;

use crate::head::{DecisionRule, HeadArtifact, HeadError, Outputs, Scores};
use crate::labels::ClassIndex;
use crate::tensor::Features;

/// What kept a head from saying the likeliest class, or from saying any.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case", tag = "rule")]
pub enum Why {
    /// It is the likeliest, and nothing held it back.
    Likeliest,
    /// The picture is stranger than known pictures are.
    Unknown { strangeness: f32, threshold: f32 },
    /// The class that it is taken for means that there is nothing.
    Nothing { class: String, probability: f32 },
    /// What would be said is not likely enough.
    Unsure { class: String, probability: f32, least: f32 },
    /// A class is said from its threshold on, though another is likelier; or is not, since it is below it.
    Threshold { class: String, probability: f32, threshold: f32 },
    /// Another class is said, since the likeliest would cost more if it were wrong.
    Cost { said: String, likeliest: String, times: f32 },
    /// No label reaches its threshold.
    NoLabel { nearest: String, probability: f32, threshold: f32 },
}

/// [`Why`] with its sentence.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Reason {
    #[serde(flatten)]
    pub why: Why,
    pub sentence: String,
}

impl Reason {
    /// By what `head` made of one picture.
    pub fn new(scores: &Scores, head: &HeadArtifact) -> Self {
        let why = Why::new(scores, head);
        Self { sentence: why.sentence(), why }
    }

    /// Of one feature vector `[C]`; `None` for a head that answers with a number.
    ///
    /// # Errors
    /// When the vector does not fit the head.
    pub fn of_feature(feature: &[f32], head: &HeadArtifact) -> Result<Option<Self>, HeadError> {
        if *head.outputs() == Outputs::Value {
            return Ok(None);
        }
        let row = ndarray::ArrayView2::from_shape((1, feature.len()), feature).expect("one row");
        Ok(Some(Self::new(&head.predict(&Features(row.to_owned()))?[0], head)))
    }
}

impl Why {
    /// By what `head` made of one picture.
    pub fn new(scores: &Scores, head: &HeadArtifact) -> Self {
        let name = |class: ClassIndex| head.labels().get(class).expect("one label a class").to_string();
        let probability = |class: ClassIndex| scores.probabilities[class.0];
        let strange = scores.unknown_score.zip(head.unknown().map(|rule| rule.threshold));
        if let Some((strangeness, threshold)) = strange.filter(|(strangeness, threshold)| strangeness > threshold) {
            return Self::Unknown { strangeness, threshold };
        }
        let best = scores.best();
        if let Outputs::Labels { thresholds } = head.outputs() {
            let nearest =
                || Self::NoLabel { nearest: name(best), probability: probability(best), threshold: thresholds[best.0] };
            return if scores.chosen.is_empty() { nearest() } else { Self::Likeliest };
        }
        let operating = head.operating();
        let said = match scores.chosen.first() {
            Some(&said) => said,
            None => {
                let would = crate::head::OperatingPoint { least: None, ..*operating };
                let class = would.decide(ndarray::aview1(&scores.probabilities)).unwrap_or(best);
                let least = operating.least.unwrap_or_default();
                return Self::Unsure { class: name(class), probability: probability(class), least };
            }
        };
        if scores.unknown {
            return Self::Nothing { class: name(said), probability: probability(said) };
        }
        match operating.rule {
            DecisionRule::Threshold { class, probability: threshold } if said != best => {
                Self::Threshold { class: name(class), probability: probability(class), threshold }
            }
            DecisionRule::Cost { times, .. } if said != best => {
                Self::Cost { said: name(said), likeliest: name(best), times }
            }
            _ => Self::Likeliest,
        }
    }

    /// Whether it is anything but the likeliest class, said plainly.
    pub fn is_told(&self) -> bool {
        *self != Self::Likeliest
    }

    /// One sentence.
    pub fn sentence(&self) -> String {
        let percent = |share: f32| format!("{:.1} %", share * 100.0);
        match self {
            Self::Likeliest => "it is the likeliest, and no rule holds it back".to_owned(),
            Self::Unknown { strangeness, threshold } => format!(
                "it is unlike everything that the head was taught: its strangeness is {strangeness:.2}, and above \
                 {threshold:.2} a picture is unknown"
            ),
            Self::Nothing { class, probability } => {
                format!("it is taken for `{class}` ({}), which means that there is nothing", percent(*probability))
            }
            Self::Unsure { class, probability, least } => {
                format!("`{class}` has {}, and nothing is said below {}", percent(*probability), percent(*least))
            }
            Self::Threshold { class, probability, threshold } if probability >= threshold => format!(
                "`{class}` has {}, and it is said from {} on, though another is likelier",
                percent(*probability),
                percent(*threshold)
            ),
            Self::Threshold { class, probability, threshold } => format!(
                "`{class}` is the likeliest with {}, but it is said only from {} on",
                percent(*probability),
                percent(*threshold)
            ),
            Self::Cost { said, likeliest, times } => {
                format!("`{likeliest}` is likelier, but that mistake costs {times} times as much, so `{said}` is said")
            }
            Self::NoLabel { nearest, probability, threshold } => format!(
                "no label reaches its threshold; the likeliest, `{nearest}`, has {} of {}",
                percent(*probability),
                percent(*threshold)
            ),
        }
    }
}
