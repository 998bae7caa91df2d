//! What an answer costs, counted as the head was fitted for.

use crate::dataset::Dataset;
use crate::head::error::FitError;
use crate::head::file::{HeadArtifact, HeadError};
use crate::head::models::{Outputs, Task};
use crate::head::options::{FitOptions, Goal};
use crate::head::report::Measure;
use crate::labels::{Label, Labels};
use crate::tensor::Features;

/// What a picture is, or what is said of it.
#[derive(Clone, PartialEq, Debug)]
pub enum Said {
    /// `None` where nothing is said.
    Class(Option<Label>),
    Names(Vec<Label>),
    Number(f64),
}

/// What counts.
pub struct Judge<'a> {
    pub measure: Measure,
    goal: Option<&'a Goal>,
    /// What it costs to say nothing: where nothing is said below a probability of p, that is cheaper than a mistake with
    /// probability 1 - p.
    ///
    /// Source: Chow, "On optimum recognition error and reject tradeoff", 1970.
    silence: f64,
}

impl Measure {
    /// What heads that are fitted with `options` are judged by.
    pub fn of(options: &FitOptions) -> Self {
        match (options.task, &options.goal) {
            (Task::Regression, _) => Self::RootMeanSquare,
            (Task::Multilabel, _) => Self::WrongNames,
            (Task::Classification, Some(Goal::Cost { .. })) => Self::Cost,
            (Task::Classification, Some(_)) => Self::MissedAndFalseAlarms,
            (Task::Classification, None) if options.balance => Self::BalancedAccuracy,
            (Task::Classification, None) => Self::Accuracy,
        }
    }
}

impl<'a> Judge<'a> {
    pub fn new(options: &'a FitOptions) -> Self {
        let measure = Measure::of(options);
        Self { measure, goal: options.goal.as_ref(), silence: options.least.map_or(1.0, |least| 1.0 - least) }
    }

    /// What `said` costs where it is `truth`; names that are not `common` do not count.
    pub fn loss(&self, truth: &Said, said: &Said, common: &[Label]) -> f64 {
        match (truth, said) {
            (Said::Class(Some(truth)), Said::Class(said)) => self.class_loss(truth, said.as_ref()),
            (Said::Names(truth), Said::Names(said)) => names_loss(truth, said, common),
            (Said::Number(truth), Said::Number(said)) => (truth - said).powi(2),
            _ => unreachable!("the task is one"),
        }
    }

    fn class_loss(&self, truth: &Label, said: Option<&Label>) -> f64 {
        let right = said == Some(truth);
        match (self.goal, said) {
            (Some(Goal::Recall { label, .. } | Goal::Precision { label, .. }), _) => {
                f64::from(u8::from((truth == label) != (said == Some(label))))
            }
            (_, None) => self.silence,
            _ if right => 0.0,
            (Some(Goal::Cost { wrong, taken_for, times }), Some(said)) if truth == wrong && said == taken_for => *times,
            _ => 1.0,
        }
    }

    /// Pictures of one stratum weigh as much as those of any other.
    pub fn stratum(&self, truth: &Said, labels: &Labels) -> usize {
        match (self.measure, truth, self.goal) {
            (Measure::BalancedAccuracy, Said::Class(Some(truth)), _) => {
                labels.index_of(truth).map_or(0, |class| class.0)
            }
            (Measure::MissedAndFalseAlarms, Said::Class(truth), Some(goal)) => {
                usize::from(truth.as_ref() == Some(goal.label()))
            }
            _ => 0,
        }
    }
}

/// The share of names, among those that are there or said, that are not both.
///
/// Source: Godbole, Sarawagi, "Discriminative Methods for Multi-labeled Classification", 2004.
fn names_loss(truth: &[Label], said: &[Label], common: &[Label]) -> f64 {
    let counted = |names: &[Label]| names.iter().filter(|name| common.contains(name)).cloned().collect::<Vec<_>>();
    let (truth, said) = (counted(truth), counted(said));
    let both = truth.iter().filter(|name| said.contains(name)).count();
    let either = truth.len() + said.len() - both;
    if either == 0 { 0.0 } else { 1.0 - both as f64 / either as f64 }
}

/// What each row of `dataset` is.
pub fn truth(dataset: &Dataset, task: Task) -> Result<Vec<Said>, FitError> {
    let label = |row: usize| dataset.labels().get(dataset.targets()[row]).expect("every class has a label");
    (0..dataset.len())
        .map(|row| match task {
            Task::Classification => Ok(Said::Class(Some(label(row).clone()))),
            Task::Multilabel => Ok(Said::Names(label(row).names()?)),
            Task::Regression => Ok(Said::Number(label(row).number()?)),
        })
        .collect()
}

/// What `head` says of `features`, with its labels as `labels` has them.
pub fn said(head: &HeadArtifact, features: Features, labels: &Labels) -> Result<Vec<Said>, HeadError> {
    if *head.outputs() == Outputs::Value {
        return Ok(head.values(&features)?.iter().map(|value| Said::Number(f64::from(value.value))).collect());
    }
    let known = names(head, labels);
    let several = matches!(head.outputs(), Outputs::Labels { .. });
    let scores = head.predict(&features)?;
    let said = scores.iter().map(|scores| {
        let mut chosen = scores.chosen.iter().map(|class| known[class.0].clone());
        if several { Said::Names(chosen.collect()) } else { Said::Class(chosen.next()) }
    });
    Ok(said.collect())
}

/// The labels of `head` as `labels` has them: a class that a classifier brought keeps its own capitals.
pub fn names(head: &HeadArtifact, labels: &Labels) -> Vec<Label> {
    let name = |label: &Label| {
        let alike = |other: &&Label| other.as_str().eq_ignore_ascii_case(label.as_str());
        let own = labels.index_of(label).and_then(|class| labels.get(class));
        own.or_else(|| labels.iter().find(alike)).unwrap_or(label).clone()
    };
    head.labels().iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Label {
        Label::new(text).unwrap()
    }

    fn loss(options: &FitOptions, truth: &str, said: Option<&str>) -> f64 {
        let (truth, said) = (Said::Class(Some(label(truth))), Said::Class(said.map(label)));
        Judge::new(options).loss(&truth, &said, &[])
    }

    #[test]
    fn mistakes_cost_what_the_goal_says_and_silence_what_the_least_probability_says() {
        let cost = Goal::Cost { wrong: label("defect"), taken_for: label("ok"), times: 20.0 };
        let options = FitOptions { goal: Some(cost), least: Some(0.75), ..FitOptions::default() };
        assert_eq!(loss(&options, "defect", Some("ok")), 20.0);
        assert_eq!(loss(&options, "ok", Some("defect")), 1.0);
        assert_eq!(loss(&options, "ok", Some("ok")), 0.0);
        assert_eq!(loss(&options, "ok", None), 0.25);
        assert_eq!(Judge::new(&options).measure, Measure::Cost);
    }

    #[test]
    fn with_a_goal_for_a_class_misses_and_false_alarms_of_it_count_alone() {
        let options =
            FitOptions { goal: Some(Goal::Recall { label: label("defect"), share: 0.9 }), ..FitOptions::default() };
        let losses =
            [("defect", Some("defect")), ("defect", None), ("ok", Some("defect")), ("ok", Some("dust")), ("ok", None)];
        assert_eq!(losses.map(|(truth, said)| loss(&options, truth, said)), [0.0, 1.0, 1.0, 0.0, 0.0]);
        let labels = Labels::new(vec![label("defect"), label("ok")]).unwrap();
        let stratum = |text| Judge::new(&options).stratum(&Said::Class(Some(label(text))), &labels);
        assert_eq!((stratum("defect"), stratum("ok")), (1, 0));
    }

    #[test]
    fn of_several_names_those_that_both_know_are_compared() {
        let options = FitOptions { task: Task::Multilabel, ..FitOptions::default() };
        let names = |names: &[&str]| Said::Names(names.iter().map(|name| label(name)).collect());
        let common = [label("red"), label("big"), label("old")];
        let loss = |truth: &[&str], said: &[&str]| Judge::new(&options).loss(&names(truth), &names(said), &common);
        assert_eq!(loss(&["red", "big", "old"], &["red", "new"]), 1.0 - 1.0 / 3.0);
        assert_eq!((loss(&["new"], &[]), loss(&["red"], &["red"])), (0.0, 0.0));
    }
}
