//! What a comparison of an old recipe with a new one came to, on pictures that neither had seen.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Share;
use crate::labels::Label;

/// A head that is behind by more standard errors than that on the pictures that the live head had learned from is worse. One picture that
/// only one of the two gets right is exactly one.
const WORSE_ON_KNOWN: f64 = 1.0;
/// The same on all pictures. What is new may be labelled wrong, and then it is a poor witness: this takes more.
const WORSE: f64 = 2.0;
/// A head that is ahead by more on all pictures is called better.
const BETTER: f64 = 1.0;

/// What is counted, which is what the head was fitted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The share of pictures that are named right; more is better, as for the next.
    Accuracy,
    /// The mean over classes of the share that is named right.
    BalancedAccuracy,
    /// The mean cost of a picture; less is better, as for all that follow.
    Cost,
    /// Half the share of a class's pictures that are missed and half the share of others that are taken for it.
    MissedAndFalseAlarms,
    /// The mean over pictures of the share of names, among those it has and those that are said, that are not both.
    WrongNames,
    /// The root of the mean squared error.
    RootMeanSquare,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Better,
    /// The difference is within its error.
    AsGood,
    Worse,
    /// Nothing could be held out, or the two cannot be compared.
    NotCompared,
}

/// Old against new on the same held-out pictures.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OldAgainstNew {
    pub pictures: usize,
    /// What of them is independent: frames of one burst count once.
    pub groups: usize,
    pub old: f64,
    pub new: f64,
    /// Above 0 where the new one is better.
    pub gain: f64,
    /// The standard error of the gain.
    pub error: f64,
    /// In which the gain is, in 19 of 20 comparisons.
    pub interval: (f64, f64),
}

/// How the new recipe fares on a class that the old one does not know.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NewClass {
    pub label: Label,
    pub found: Share,
}

/// How the pictures differ from those that the live head learned from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Changes {
    pub added: usize,
    /// With another label, where not all of the old label have it.
    pub relabelled: usize,
    /// Of labels that have another name now.
    pub renamed: usize,
    pub removed: usize,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ComparisonReport {
    /// The head that was live.
    pub against: u64,
    pub verdict: Verdict,
    pub measure: Measure,
    /// On pictures of classes that both know; `None` where there were none.
    pub all: Option<OldAgainstNew>,
    /// Of these, those alone that the live head had learned from.
    pub known: Option<OldAgainstNew>,
    pub new_classes: Vec<NewClass>,
    /// `None` where it is not known what the live head learned from.
    pub changes: Option<Changes>,
    /// One word for why nothing was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Changes {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// How many pictures have a label that nobody learned from yet.
    pub fn fresh(&self) -> usize {
        self.added + self.relabelled
    }
}

impl Measure {
    /// Whether it is a share that is shown in percent.
    fn is_share(self) -> bool {
        !matches!(self, Self::Cost | Self::RootMeanSquare)
    }

    /// Whether more of it is better.
    pub fn counts_right(self) -> bool {
        matches!(self, Self::Accuracy | Self::BalancedAccuracy)
    }

    /// `value` of it, for people.
    pub fn shown(self, value: f64) -> String {
        if self.is_share() { format!("{:.1} %", value * 100.0) } else { format!("{value:.4}") }
    }

    /// A gain, with its sign.
    fn gain(self, gain: f64) -> String {
        if self.is_share() { format!("{:+.1}", gain * 100.0) } else { format!("{gain:+.4}") }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced accuracy",
            Self::Cost => "cost a picture",
            Self::MissedAndFalseAlarms => "missed and false alarms",
            Self::WrongNames => "wrong names",
            Self::RootMeanSquare => "root mean square error",
        })
    }
}

impl OldAgainstNew {
    /// Whether the new one is behind by more than so many standard errors.
    fn is_behind(&self, errors: f64) -> bool {
        is_beyond(-self.gain, errors * self.error)
    }
}

/// What is exactly `error` is not beyond it, however it was rounded.
fn is_beyond(gain: f64, error: f64) -> bool {
    gain > 0.0 && gain > 1.001 * error
}

impl Verdict {
    /// By all held-out pictures, and by those of them that the live head had learned from.
    pub(in crate::head) fn of(all: Option<&OldAgainstNew>, known: Option<&OldAgainstNew>) -> Self {
        let Some(all) = all else { return Self::NotCompared };
        if all.is_behind(WORSE) || known.is_some_and(|known| known.is_behind(WORSE_ON_KNOWN)) {
            Self::Worse
        } else if is_beyond(all.gain, BETTER * all.error) {
            Self::Better
        } else {
            Self::AsGood
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Better => "better than",
            Self::AsGood => "as good as",
            Self::Worse => "worse than",
            Self::NotCompared => "not compared with",
        }
    }
}

impl ComparisonReport {
    /// `accuracy 96.2 %, before 95.1 %`
    pub fn values(&self, compared: &OldAgainstNew) -> String {
        let measure = self.measure;
        format!("{measure} {}, before {}", measure.shown(compared.new), measure.shown(compared.old))
    }

    /// `gain +1.1, 95 % interval -0.4 to +2.6`
    pub fn gain(&self, compared: &OldAgainstNew) -> String {
        let [gain, low, high] =
            [compared.gain, compared.interval.0, compared.interval.1].map(|gain| self.measure.gain(gain));
        format!("gain {gain}, 95 % interval {low} to {high}")
    }

    /// Whether it is worse because of the pictures alone that the live head had learned from.
    pub fn is_worse_on_known(&self) -> bool {
        let on_all = self.all.is_some_and(|all| all.is_behind(WORSE));
        self.verdict == Verdict::Worse && !on_all
    }

    /// `as good as head 000003, within the error`
    pub fn verdict_in_words(&self) -> String {
        let suffix = match self.verdict {
            Verdict::AsGood => ", within the error",
            _ if self.is_worse_on_known() => " on the pictures that it had learned from",
            _ => "",
        };
        format!("{} head {:06}{suffix}", self.verdict.words(), self.against)
    }

    /// The comparison that decided.
    pub fn decisive(&self) -> Option<&OldAgainstNew> {
        if self.is_worse_on_known() { self.known.as_ref() } else { self.all.as_ref() }
    }
}

impl fmt::Display for ComparisonReport {
    /// `as good as head 000003, within the error: accuracy 96.2 %, before 95.1 % (…)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.verdict_in_words())?;
        match (&self.reason, self.decisive()) {
            (Some(reason), _) => write!(f, ": {reason}"),
            (None, Some(compared)) => write!(f, ": {} ({})", self.values(compared), self.gain(compared)),
            (None, None) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn against(gain: f64, error: f64) -> OldAgainstNew {
        let interval = (gain - 2.0 * error, gain + 2.0 * error);
        OldAgainstNew { pictures: 100, groups: 100, old: 0.95, new: 0.95 + gain, gain, error, interval }
    }

    fn report(verdict: Verdict, all: OldAgainstNew, known: OldAgainstNew) -> ComparisonReport {
        ComparisonReport {
            against: 3,
            verdict,
            measure: Measure::Accuracy,
            all: Some(all),
            known: Some(known),
            new_classes: Vec::new(),
            changes: None,
            code: None,
            reason: None,
        }
    }

    #[test]
    fn worse_is_what_is_behind_on_known_pictures_beyond_their_error_or_clearly_on_all() {
        let of = |all, known| Verdict::of(Some(&all), Some(&known));
        assert_eq!(of(against(0.03, 0.02), against(0.0, 0.01)), Verdict::Better);
        assert_eq!(of(against(0.03, 0.02), against(-0.011, 0.01)), Verdict::Worse);
        // One picture, which is one error.
        assert_eq!(of(against(0.02, 0.02), against(-0.01, 0.01)), Verdict::AsGood);
        assert_eq!(of(against(-0.03, 0.02), against(0.0, 0.01)), Verdict::AsGood);
        assert_eq!(of(against(-0.05, 0.02), against(0.0, 0.01)), Verdict::Worse);
        assert_eq!(Verdict::of(Some(&against(-0.01, 0.0)), None), Verdict::Worse);
        assert_eq!(Verdict::of(None, None), Verdict::NotCompared);
    }

    #[test]
    fn a_comparison_is_one_sentence_with_the_numbers_that_decided() {
        let said = report(Verdict::AsGood, against(0.01, 0.02), against(0.0, 0.01)).to_string();
        let expected = "as good as head 000003, within the error: accuracy 96.0 %, before 95.0 % (gain +1.0, 95 % interval \
                        -3.0 to +5.0)";
        assert_eq!(said, expected);
        let worse = report(Verdict::Worse, against(0.01, 0.02), against(-0.04, 0.01));
        assert!(worse.to_string().starts_with(
            "worse than head 000003 on the pictures that it had learned from: accuracy 91.0 %, before 95.0 %"
        ));
        let reason = Some("the live head is of another backbone".to_owned());
        let none = ComparisonReport { verdict: Verdict::NotCompared, all: None, known: None, reason, ..worse };
        assert_eq!(none.to_string(), "not compared with head 000003: the live head is of another backbone");
    }
}
