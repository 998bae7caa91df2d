//! How the probabilities of classes become a decision.

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

use crate::labels::ClassIndex;
use crate::metrics::best_class;

/// Which class is said.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecisionRule {
    /// The likeliest.
    #[default]
    Likeliest,
    /// `class` from this probability on, and else the likeliest other one.
    Threshold { class: ClassIndex, probability: f32 },
    /// That of least expected cost, where every mistake costs 1 and taking `wrong` for `taken_for` costs `times`.
    Cost { wrong: ClassIndex, taken_for: ClassIndex, times: f32 },
}

/// The decision of a head for classes.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OperatingPoint {
    pub rule: DecisionRule,
    /// Nothing is said where the probability of what would be said is below this.
    pub least: Option<f32>,
}

impl OperatingPoint {
    /// The class that is said; `None` where nothing is.
    ///
    /// Shapes: `probabilities` `[K]`, which sum to 1.
    ///
    /// # Panics
    /// When there is no class.
    pub fn decide(&self, probabilities: ArrayView1<f32>) -> Option<ClassIndex> {
        let said = match self.rule {
            DecisionRule::Likeliest => best_class(probabilities),
            DecisionRule::Threshold { class, probability } if probabilities[class.0] >= probability => class,
            DecisionRule::Threshold { class, .. } => likeliest_other(probabilities, class),
            DecisionRule::Cost { wrong, taken_for, times } => {
                // Saying k costs 1 - p_k, and more by (times - 1) p_wrong where k is `taken_for`.
                let worth = |class: usize| {
                    let extra = if class == taken_for.0 { (times - 1.0) * probabilities[wrong.0] } else { 0.0 };
                    probabilities[class] - extra
                };
                let worths: Vec<f32> = (0..probabilities.len()).map(worth).collect();
                best_class(ndarray::aview1(&worths))
            }
        };
        self.least.is_none_or(|least| probabilities[said.0] >= least).then_some(said)
    }

    /// Whether the likeliest class is always said.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it can decide among so many classes.
    pub fn fits(&self, classes: usize) -> bool {
        let share = |share: f32| (0.0..=1.0).contains(&share);
        let known = |class: ClassIndex| class.0 < classes;
        let rule = match self.rule {
            DecisionRule::Likeliest => true,
            DecisionRule::Threshold { class, probability } => known(class) && share(probability) && classes > 1,
            DecisionRule::Cost { wrong, taken_for, times } => {
                known(wrong) && known(taken_for) && wrong != taken_for && times > 0.0 && times.is_finite()
            }
        };
        rule && self.least.is_none_or(share)
    }
}

fn likeliest_other(probabilities: ArrayView1<f32>, than: ClassIndex) -> ClassIndex {
    let mut others = probabilities.to_vec();
    others[than.0] = f32::NEG_INFINITY;
    best_class(ndarray::aview1(&others))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn decide(rule: DecisionRule, least: Option<f32>, probabilities: ndarray::Array1<f32>) -> Option<usize> {
        OperatingPoint { rule, least }.decide(probabilities.view()).map(|class| class.0)
    }

    #[test]
    fn a_class_is_said_from_its_threshold_on_and_else_the_likeliest_other() {
        let rule = DecisionRule::Threshold { class: ClassIndex(0), probability: 0.1 };
        assert_eq!(decide(rule, None, array![0.1, 0.5, 0.4]), Some(0));
        assert_eq!(decide(rule, None, array![0.09, 0.5, 0.41]), Some(1));
        let strict = DecisionRule::Threshold { class: ClassIndex(0), probability: 0.9 };
        assert_eq!(decide(strict, None, array![0.8, 0.05, 0.15]), Some(2));
    }

    #[test]
    fn with_two_classes_a_cost_is_a_threshold_of_one_in_one_more_than_the_cost() {
        let rule = DecisionRule::Cost { wrong: ClassIndex(1), taken_for: ClassIndex(0), times: 4.0 };
        assert_eq!(decide(rule, None, array![0.79, 0.21]), Some(1));
        assert_eq!(decide(rule, None, array![0.81, 0.19]), Some(0));
        // The third class is not concerned.
        assert_eq!(decide(rule, None, array![0.4, 0.1, 0.5]), Some(2));
    }

    #[test]
    fn nothing_is_said_below_the_least_probability_of_what_would_be_said() {
        assert_eq!(decide(DecisionRule::Likeliest, Some(0.6), array![0.59, 0.41]), None);
        assert_eq!(decide(DecisionRule::Likeliest, Some(0.6), array![0.6, 0.4]), Some(0));
        let rule = DecisionRule::Threshold { class: ClassIndex(1), probability: 0.1 };
        assert_eq!(decide(rule, Some(0.2), array![0.85, 0.15]), None);
    }
}
