//! What is told of a fit.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use crate::head::ComparisonReport;
use crate::store::HeadVersion;

/// What a fit came to.
#[derive(Clone, PartialEq, Debug)]
pub enum TrainingOutcome {
    Fitted {
        head: HeadVersion,
        /// Else it waits for review.
        published: bool,
        /// `None` where no head was live before.
        comparison: Option<Box<ComparisonReport>>,
    },
    /// This head was fitted on the same pictures.
    NothingNew {
        head: HeadVersion,
        /// Whether it waits for review.
        waits: bool,
    },
    /// The program is ending.
    Stopped,
}

/// Why no head was fitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotFitted {
    /// One word for it, where there is one.
    pub code: Option<&'static str>,
    pub reason: String,
}

impl From<String> for NotFitted {
    fn from(reason: String) -> Self {
        Self { code: None, reason }
    }
}

/// A head was fitted, or was not. One JSON object.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TrainingEvent {
    /// `fitted` or `not-fitted`.
    pub event: &'static str,
    #[serde(serialize_with = "time")]
    pub at: SystemTime,
    /// `published`, `kept`, `nothing-new`, `stopped` or `failed`.
    pub outcome: &'static str,
    /// The head that was fitted, or the one that there is of the same pictures.
    #[serde(serialize_with = "number")]
    pub head: Option<HeadVersion>,
    pub comparison: Option<Box<ComparisonReport>>,
    /// One word for why nothing came of it, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// All that in words.
    pub sentence: String,
    pub seconds: f64,
}

impl TrainingEvent {
    /// Of a fit that began `at`.
    pub fn of(outcome: Result<TrainingOutcome, NotFitted>, at: SystemTime, took: Duration) -> Self {
        let code = outcome.as_ref().err().and_then(|failed| failed.code);
        let (word, head, comparison, sentence) = match outcome {
            Ok(TrainingOutcome::Fitted { head, published, comparison }) => {
                let (word, done) = if published { ("published", "published") } else { ("kept", "kept for review") };
                let why = comparison.as_ref().map_or_else(String::new, |comparison| format!(": {comparison}"));
                (word, Some(head), comparison, format!("head {head} was {done}{why}"))
            }
            Ok(TrainingOutcome::NothingNew { head, waits }) => {
                let waits = if waits { ", which waits for review," } else { "" };
                (
                    "nothing-new",
                    Some(head),
                    None,
                    format!("nothing is new: head {head}{waits} was fitted on the same pictures"),
                )
            }
            Ok(TrainingOutcome::Stopped) => {
                ("stopped", None, None, "the fit was stopped: the program is ending".to_owned())
            }
            Err(NotFitted { reason, .. }) => ("failed", None, None, format!("no head was fitted: {reason}")),
        };
        let event = if matches!(word, "published" | "kept") { "fitted" } else { "not-fitted" };
        Self { event, at, outcome: word, head, comparison, code, sentence, seconds: took.as_secs_f64() }
    }
}

fn time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

fn number<S: Serializer>(head: &Option<HeadVersion>, serializer: S) -> Result<S::Ok, S::Error> {
    head.map(|head| head.0).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_told_in_words_and_as_json() {
        let at = SystemTime::UNIX_EPOCH;
        let told = |outcome| TrainingEvent::of(outcome, at, Duration::from_millis(1500));
        let kept = TrainingOutcome::Fitted { head: HeadVersion(4), published: false, comparison: None };
        let json = serde_json::to_value(told(Ok(kept))).unwrap();
        let expected = serde_json::json!({
            "event": "fitted", "at": "1970-01-01T00:00:00.000Z", "outcome": "kept", "head": 4, "comparison": null,
            "sentence": "head 000004 was kept for review", "seconds": 1.5,
        });
        assert_eq!(json, expected);
        let nothing = told(Ok(TrainingOutcome::NothingNew { head: HeadVersion(4), waits: true }));
        assert_eq!(
            nothing.sentence,
            "nothing is new: head 000004, which waits for review, was fitted on the same pictures"
        );
        let one_class = NotFitted { code: Some("one-class"), reason: "got only `cup`".to_owned() };
        let failed = serde_json::to_value(told(Err(one_class))).unwrap();
        let words = ["event", "outcome", "code", "sentence"].map(|key| failed[key].as_str().unwrap());
        assert_eq!(words, ["not-fitted", "failed", "one-class", "no head was fitted: got only `cup`"]);
    }
}
