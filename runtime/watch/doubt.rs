//! How much a label of a picture would teach: pure functions of what the head said and of how new the picture is.

use crate::predictor::{Prediction, Statement};
use crate::store::Worth;

/// An answer that scores less is unsure: what the decision does not count either, where nothing else is set.
const SURE: f32 = 0.8;
/// How uncertain an answer is at least that disagrees with those before it, or is about a picture that is far from all stored ones: the
/// head may be sure, and wrong.
const DISAGREEING: f64 = 0.75;
const FAR: f64 = 0.5;
/// What nothing new would teach, of what something new would.
const KNOWN: f64 = 0.2;

/// Why a picture is worth a label, and how uncertain the head is: 0 for sure, 1 for not at all.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Doubt {
    pub why: Worth,
    pub uncertainty: f64,
}

impl Doubt {
    /// `None` where there is none.
    pub fn of(statement: &Statement, disagrees: bool, is_far: bool) -> Option<Self> {
        let (unknown, unsure, uncertainty) = match statement {
            Statement::Prediction(prediction) => {
                let is_unsure = prediction.unsure || uncertain_labels(prediction).unwrap_or(prediction.score < SURE);
                (prediction.unknown, is_unsure, uncertainty(prediction))
            }
            Statement::Number { unknown, .. } => (*unknown, false, 0.0),
        };
        if unknown {
            return Some(Self { why: Worth::Unknown, uncertainty: 1.0 });
        }
        if disagrees {
            return Some(Self { why: Worth::Disagreeing, uncertainty: uncertainty.max(DISAGREEING) });
        }
        if unsure {
            return Some(Self { why: Worth::Unsure, uncertainty });
        }
        is_far.then(|| Self { why: Worth::Far, uncertainty: uncertainty.max(FAR) })
    }
}

/// What is said of the picture; `None` where nothing is.
pub fn said(statement: &Statement) -> Option<&str> {
    match statement {
        Statement::Prediction(Prediction { label: Some(label), labels: None, .. }) => Some(label.as_str()),
        Statement::Prediction(_) | Statement::Number { .. } => None,
    }
}

/// Of a head that names several labels: whether it is unsure of one of them.
fn uncertain_labels(prediction: &Prediction) -> Option<bool> {
    prediction.labels.as_ref().map(|_| uncertainty(prediction) > 2.0 * f64::from(1.0 - SURE))
}

/// 1 where two classes are as likely, 0 where one is certain; of several labels, the same of the least certain one.
fn uncertainty(prediction: &Prediction) -> f64 {
    let scores: Vec<f64> = prediction.top.iter().map(|ranked| f64::from(ranked.score)).collect();
    let doubt = match (&prediction.labels, scores.as_slice()) {
        (Some(_), scores) => scores.iter().map(|score| 1.0 - (2.0 * score - 1.0).abs()).fold(0.0, f64::max),
        (None, [first, second, ..]) => 1.0 - (first - second),
        (None, _) => 1.0 - f64::from(prediction.score),
    };
    doubt.clamp(0.0, 1.0)
}

/// Which of two pictures teaches more: one that the head is less sure of, and that is less like what is known. From 0 to 1.
pub fn usefulness(uncertainty: f64, novelty: f64) -> f64 {
    uncertainty * (KNOWN + (1.0 - KNOWN) * novelty)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::labels::Label;
    use crate::predictor::RankedLabel;

    fn prediction(scores: &[f32]) -> Prediction {
        let label = |number: usize| Label::new(["cat", "dog", "fox"][number]).unwrap();
        let top = scores.iter().enumerate().map(|(number, score)| RankedLabel { label: label(number), score: *score });
        Prediction {
            label: Some(label(0)),
            score: scores[0],
            unknown: false,
            unsure: false,
            nearest: label(0),
            distance: None,
            threshold: None,
            top: top.collect(),
            labels: None,
        }
    }

    fn why(prediction: Prediction, disagrees: bool, is_far: bool) -> Option<Worth> {
        Doubt::of(&Statement::Prediction(prediction), disagrees, is_far).map(|doubt| doubt.why)
    }

    #[test]
    fn what_is_unknown_unsure_disagreeing_or_far_is_worth_a_label_and_the_rest_is_not() {
        let sure = || prediction(&[0.9, 0.1]);
        assert_eq!(why(sure(), false, false), None);
        assert_eq!(why(sure(), false, true), Some(Worth::Far));
        assert_eq!(why(sure(), true, true), Some(Worth::Disagreeing));
        assert_eq!(why(prediction(&[0.6, 0.4]), false, true), Some(Worth::Unsure));
        assert_eq!(why(Prediction { unsure: true, label: None, ..sure() }, false, false), Some(Worth::Unsure));
        assert_eq!(why(Prediction { unknown: true, ..prediction(&[0.6, 0.4]) }, true, true), Some(Worth::Unknown));
        let number = |unknown| Doubt::of(&Statement::Number { value: 1.0, unknown }, false, false);
        assert_eq!((number(false), number(true).map(|doubt| doubt.uncertainty)), (None, Some(1.0)));
    }

    #[test]
    fn several_labels_are_unsure_where_one_of_them_is_neither_there_nor_not() {
        let several = |scores| Prediction { labels: Some(Vec::new()), ..prediction(scores) };
        assert_eq!(why(several(&[0.99, 0.97, 0.02]), false, false), None);
        assert_eq!(why(several(&[0.99, 0.55, 0.02]), false, false), Some(Worth::Unsure));
    }

    proptest! {
        #[test]
        fn usefulness_rises_with_both_and_stays_between_0_and_1(
            (uncertainty, novelty) in (0.0..1.0_f64, 0.0..1.0_f64),
            (more, newer) in (0.0..1.0_f64, 0.0..1.0_f64),
        ) {
            let (more, newer) = (uncertainty.max(more), novelty.max(newer));
            let (less, most) = (usefulness(uncertainty, novelty), usefulness(more, newer));
            prop_assert!((0.0..=1.0).contains(&less) && less <= most);
        }

        #[test]
        fn two_classes_nearer_to_one_another_are_more_uncertain(first in 0.5..1.0_f32, other in 0.5..1.0_f32) {
            let of = |first: f32| uncertainty(&prediction(&[first, 1.0 - first]));
            prop_assert_eq!(first < other, of(first) > of(other));
        }
    }
}
