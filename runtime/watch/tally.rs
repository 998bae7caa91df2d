//! What is counted of a camera since the start.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::device::Glance;
use crate::predictor::{Answer, Statement};

/// More classes than any head has; heads may change for ever.
const MOST_CLASSES: usize = 1000;

/// Numbers that only grow.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tally {
    /// Answers by the class or label that they said.
    pub classes: BTreeMap<String, u64>,
    /// Answers that said none: `unknown`, `unsure`, and looks at `poor` pictures.
    pub others: BTreeMap<&'static str, u64>,
    /// Frames by why they passed the gate, and those that did not: `shut`.
    pub gate: BTreeMap<&'static str, u64>,
    /// What was done with frames, and how long it took.
    pub stages: BTreeMap<&'static str, Stage>,
    /// Events by kind.
    pub events: BTreeMap<&'static str, u64>,
}

/// How often something was done, and how long that took in all.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Stage {
    pub count: u64,
    pub seconds: f64,
}

impl Tally {
    pub(super) fn count_glance(&mut self, glance: &Glance) {
        match glance {
            Glance::Poor(_) => self.count_other("poor"),
            Glance::Answer { answer, .. } => self.count_answer(answer),
        }
    }

    fn count_answer(&mut self, answer: &Answer) {
        let Statement::Prediction(prediction) = &answer.statement else { return self.count_other("number") };
        match (&prediction.labels, &prediction.label) {
            _ if prediction.unknown => self.count_other("unknown"),
            (Some(labels), _) if labels.is_empty() => self.count_other("unsure"),
            (Some(labels), _) => labels.iter().for_each(|ranked| self.count_class(ranked.label.as_str())),
            (None, Some(label)) => self.count_class(label.as_str()),
            (None, None) => self.count_other("unsure"),
        }
    }

    fn count_class(&mut self, class: &str) {
        if let Some(count) = self.classes.get_mut(class) {
            *count += 1;
        } else if self.classes.len() < MOST_CLASSES {
            self.classes.insert(class.to_owned(), 1);
        }
    }

    fn count_other(&mut self, word: &'static str) {
        *self.others.entry(word).or_default() += 1;
    }

    pub(super) fn count_gate(&mut self, why: &'static str) {
        *self.gate.entry(why).or_default() += 1;
    }

    pub(super) fn count_event(&mut self, kind: &'static str) {
        *self.events.entry(kind).or_default() += 1;
    }

    pub(super) fn took(&mut self, stage: &'static str, time: Duration) {
        let stage = self.stages.entry(stage).or_default();
        stage.count += 1;
        stage.seconds += time.as_secs_f64();
    }
}
