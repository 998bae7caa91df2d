//! From answers to events: a state machine that knows nothing of cameras, heads or clocks.
//!
//! The rules are those of Frigate's custom classification: a state changes after three equal answers in a row; who passes by is
//! named once 60 % of at least three answers agree; an answer counts from a score of 80 % on.
//!
//! Source: <https://docs.frigate.video/configuration/custom_classification/state_classification>,
//! <https://docs.frigate.video/configuration/custom_classification/object_classification>

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Moment;

/// Of a visit, the newest so many answers count.
const VISIT: usize = 20;

/// What is decided about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Something that is always in some state: a gate is open or closed.
    #[default]
    State,
    /// What comes and goes: a bird at the feeder.
    Visit,
}

/// When answers become an event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    pub mode: Mode,
    /// The least score of an answer that counts; `None`: 0.8, but any for a head with an operating point, which has decided already.
    pub threshold: Option<f32>,
    /// By how much an answer for what holds already may be below that.
    pub hysteresis: f32,
    /// In how many equal answers in a row a state changes.
    pub in_a_row: usize,
    /// Of a visit, the least share of answers that agree.
    pub consensus: f32,
    /// Of a visit, the least number of answers.
    pub tries: usize,
    /// How long what was decided stays, at least, in seconds.
    pub hold: f32,
    /// After how long without an answer a visit is over, in seconds.
    pub gone_after: f32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            mode: Mode::State,
            threshold: None,
            hysteresis: 0.1,
            in_a_row: 3,
            consensus: 0.6,
            tries: 3,
            hold: 0.0,
            gone_after: 5.0,
        }
    }
}

/// A clock that goes back by more was set, and what is remembered moves along; by less, time stands still until it has caught up.
const SET_BACK: Duration = Duration::from_secs(60);

/// The least score, where nobody says another.
const THRESHOLD: f32 = 0.8;

#[derive(Debug, thiserror::Error)]
#[error("expected `{name}` {expected}, got {got}")]
pub struct RulesError {
    pub name: &'static str,
    pub expected: &'static str,
    pub got: f32,
}

impl Rules {
    /// # Errors
    /// When a value is outside its range.
    pub fn check(&self) -> Result<(), RulesError> {
        let share = "from 0 to 1";
        let seconds = "from 0 to 86400 seconds";
        let many = "from 1 to 20";
        let all = [
            ("threshold", share, self.threshold.unwrap_or_default(), 0.0..=1.0),
            ("hysteresis", share, self.hysteresis, 0.0..=1.0),
            ("consensus", share, self.consensus, 0.0..=1.0),
            ("in_a_row", many, self.in_a_row as f32, 1.0..=VISIT as f32),
            ("tries", many, self.tries as f32, 1.0..=VISIT as f32),
            ("hold", seconds, self.hold, 0.0..=86400.0),
            ("gone_after", seconds, self.gone_after, 0.0..=86400.0),
        ];
        let fault = all.into_iter().find(|(.., got, range)| !range.contains(got));
        fault.map_or(Ok(()), |(name, expected, got, _)| Err(RulesError { name, expected, got }))
    }

    fn hold(&self) -> Duration {
        Duration::from_secs_f32(self.hold)
    }

    fn gone_after(&self) -> Duration {
        Duration::from_secs_f32(self.gone_after)
    }
}

/// One answer about one frame.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Said {
    pub at: Moment,
    pub label: String,
    /// Calibrated probability.
    pub score: f32,
}

/// What a look at a frame came to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Look {
    Said {
        #[serde(flatten)]
        said: Said,
        /// Whether the head has an operating point, so that its word counts whatever the score is.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        decided: bool,
    },
    /// Unknown, unsure, no class, or a poor picture: it counts for nothing.
    Nothing { at: Moment, nothing: String },
}

impl Look {
    pub fn at(&self) -> Moment {
        match self {
            Self::Said { said, .. } => said.at,
            Self::Nothing { at, .. } => *at,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The first state, or somebody came.
    Started,
    Changed,
    /// A visit is over.
    Ended,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Changed => "changed",
            Self::Ended => "ended",
        }
    }
}

/// An event, with its evidence.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Change {
    pub event: Kind,
    /// When the frame was taken with which it was decided.
    pub at: Moment,
    pub label: String,
    /// The mean score of the answers for it; `None` at an end.
    pub score: Option<f32>,
    /// What held before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// Since when what held before did, or what is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// In words.
    pub why: String,
    /// The answers that led to it, the oldest first.
    pub evidence: Vec<Said>,
}

/// What was decided so far, and what may be decided next.
#[derive(Debug)]
pub struct Decision {
    rules: Rules,
    /// The newest moment there was; a clock that goes back does not.
    now: Moment,
    holds: Option<Holds>,
    /// In state mode: equal answers, for another state than the one that holds. In visit mode: the answers of the visit.
    answers: VecDeque<Said>,
    /// Of a visit: when the last answer that counts was.
    last: Option<Moment>,
}

#[derive(Clone, Debug)]
struct Holds {
    label: String,
    since: Moment,
}

impl Decision {
    pub fn new(rules: Rules) -> Self {
        Self { rules, now: Moment(0), holds: None, answers: VecDeque::new(), last: None }
    }

    /// What holds, and since when.
    pub fn holds(&self) -> Option<(&str, Moment)> {
        self.holds.as_ref().map(|holds| (holds.label.as_str(), holds.since))
    }

    /// Whether more answers are wanted soon: something may be about to change, or somebody to be still there.
    pub fn is_open(&self) -> bool {
        !self.answers.is_empty()
    }

    /// The score that a look's answer falls short of, where that is why it does not count.
    pub fn missed(&self, look: &Look) -> Option<f32> {
        let Look::Said { said, decided } = look else { return None };
        (!self.counts(said, *decided)).then(|| self.least(*decided))
    }

    /// What a look at a frame leads to.
    pub fn take(&mut self, look: Look) -> Vec<Change> {
        let mut changes = Vec::from_iter(self.pass(look.at()));
        self.now = self.now.max(look.at());
        let Look::Said { mut said, decided } = look else { return changes };
        said.at = self.now;
        if !self.counts(&said, decided) {
            return changes;
        }
        changes.extend(match self.rules.mode {
            Mode::State => self.next_state(said),
            Mode::Visit => self.visit(said),
        });
        changes
    }

    /// What comes of it that nothing was seen until `now`: a visit may be over, or the clock was set.
    pub fn pass(&mut self, now: Moment) -> Option<Change> {
        if self.is_set_back(now) {
            self.now = now;
            self.last = self.last.map(|last| last.min(now));
            self.holds.iter_mut().for_each(|holds| holds.since = holds.since.min(now));
        }
        let last = self.last.filter(|_| self.is_over(now))?;
        self.now = self.now.max(now);
        let at = last.after(self.rules.gone_after());
        self.visit_ends(at, format!("no answer for {} s", self.rules.gone_after))
    }

    /// What comes of it that nothing is decided any more about what was looked at: a visit is over.
    pub fn end(mut self, now: Moment) -> Option<Change> {
        match self.rules.mode {
            Mode::State => None,
            Mode::Visit => self.visit_ends(now, "the camera was set up anew".to_owned()),
        }
    }

    /// `None` for a visit that was not named.
    fn visit_ends(&mut self, at: Moment, why: String) -> Option<Change> {
        self.last = None;
        let evidence = self.answers.drain(..).collect();
        let Holds { label, since } = self.holds.take()?;
        Some(Change { event: Kind::Ended, at, label, score: None, was: None, since: Some(since), why, evidence })
    }

    /// Whether [`pass`](Self::pass) changes anything, so that a log must know of it.
    pub fn is_moved_by(&self, now: Moment) -> bool {
        self.is_set_back(now) || self.is_over(now)
    }

    fn is_set_back(&self, now: Moment) -> bool {
        self.now.since(now) > SET_BACK
    }

    /// Whether a visit is, named or not.
    fn is_over(&self, now: Moment) -> bool {
        self.last.is_some_and(|last| self.now.max(now).since(last) >= self.rules.gone_after())
    }

    fn least(&self, decided: bool) -> f32 {
        match self.rules.threshold {
            Some(threshold) => threshold,
            None if decided => 0.0,
            None => THRESHOLD,
        }
    }

    fn counts(&self, said: &Said, decided: bool) -> bool {
        let least = self.least(decided);
        let is_held = self.holds.as_ref().is_some_and(|holds| holds.label == said.label);
        said.score >= if is_held { least - self.rules.hysteresis } else { least }
    }

    fn next_state(&mut self, said: Said) -> Option<Change> {
        if self.holds.as_ref().is_some_and(|holds| holds.label == said.label) {
            self.answers.clear();
            return None;
        }
        if self.answers.back().is_some_and(|last| last.label != said.label) {
            self.answers.clear();
        }
        self.answers.push_back(said);
        if self.answers.len() > self.rules.in_a_row {
            self.answers.pop_front();
        }
        if self.answers.len() < self.rules.in_a_row || self.is_held() {
            return None;
        }
        let evidence: Vec<Said> = self.answers.drain(..).collect();
        let why = match evidence.len() {
            1 => "one answer".to_owned(),
            count => format!("{count} equal answers in a row"),
        };
        Some(self.become_what(evidence[0].label.clone(), why, evidence))
    }

    fn visit(&mut self, said: Said) -> Option<Change> {
        self.last = Some(said.at);
        self.answers.push_back(said);
        if self.answers.len() > VISIT {
            self.answers.pop_front();
        }
        let (label, agree) = self.most_frequent();
        let total = self.answers.len();
        let is_new = self.holds.as_ref().is_none_or(|holds| holds.label != label);
        let agrees = total >= self.rules.tries && agree as f32 >= self.rules.consensus * total as f32;
        if !is_new || !agrees || self.is_held() {
            return None;
        }
        let evidence = self.answers.iter().cloned().collect();
        Some(self.become_what(label, format!("{agree} of {total} answers agree"), evidence))
    }

    /// Of those that are as frequent, the one that was said last.
    fn most_frequent(&self) -> (String, usize) {
        let count = |label: &str| self.answers.iter().filter(|said| said.label == label).count();
        let counted = self.answers.iter().map(|said| (count(&said.label), said));
        let (agree, said) = counted.max_by_key(|(count, _)| *count).expect("an answer was added");
        (said.label.clone(), agree)
    }

    /// Whether what holds may not change yet.
    fn is_held(&self) -> bool {
        self.holds.as_ref().is_some_and(|holds| self.now.since(holds.since) < self.rules.hold())
    }

    fn become_what(&mut self, label: String, why: String, evidence: Vec<Said>) -> Change {
        let before = self.holds.replace(Holds { label: label.clone(), since: self.now });
        let event = if before.is_some() { Kind::Changed } else { Kind::Started };
        let scores = evidence.iter().filter(|said| said.label == label).map(|said| said.score);
        let score = Some(scores.clone().sum::<f32>() / scores.count() as f32);
        let (was, since) = before.map(|before| (before.label, before.since)).unzip();
        Change { event, at: self.now, label, score, was, since, why, evidence }
    }
}
