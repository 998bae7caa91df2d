//! Where a decision is set so that it meets a goal, by answers that were held out.

use ndarray::{ArrayView2, Axis};

use crate::head::error::FitError;
use crate::head::file::HeadArtifact;
use crate::head::models::{DecisionRule, OperatingPoint};
use crate::head::options::{FitOptions, Goal};
use crate::head::report::{OperatingClass, OperatingReport, Share, rounded};
use crate::labels::{ClassIndex, Label, Labels};

/// What heads that had not seen a picture said of it, for every measured picture.
pub struct HeldOutAnswers<'a> {
    pub labels: &'a Labels,
    /// `[M,K]`, calibrated.
    pub probabilities: ArrayView2<'a, f32>,
    pub truth: &'a [ClassIndex],
    /// Numbers from 0, the same where pictures are of one group; `None` where that is not known.
    pub groups: Option<&'a [u32]>,
}

impl<'a> HeldOutAnswers<'a> {
    /// Those that `head` keeps.
    pub fn of(head: &'a HeadArtifact) -> Option<Self> {
        let kept = head.answers()?;
        Some(Self {
            labels: head.labels(),
            probabilities: kept.probabilities(),
            truth: kept.truth(),
            groups: kept.groups(),
        })
    }
}

impl HeldOutAnswers<'_> {
    /// The decision that `options` ask for, and what it does; no report where nothing was asked for.
    ///
    /// # Errors
    /// When the goal names no class, or there is nothing held out to set it by.
    pub fn operating_point(&self, options: &FitOptions) -> Result<(OperatingPoint, Option<OperatingReport>), FitError> {
        let least = options.least.map(|least| least as f32);
        if options.goal.is_none() && least.is_none() {
            return Ok((OperatingPoint::default(), None));
        }
        let rule = options.goal.as_ref().map_or(Ok(DecisionRule::Likeliest), |goal| self.rule(goal))?;
        let point = OperatingPoint { rule, least };
        let report = self.report(&point, options)?;
        Ok((point, Some(report)))
    }

    fn rule(&self, goal: &Goal) -> Result<DecisionRule, FitError> {
        if self.truth.is_empty() && !matches!(goal, Goal::Cost { .. }) {
            return Err(FitError::NothingHeldOut);
        }
        Ok(match goal {
            Goal::Recall { label, share } => {
                let class = self.class(label)?;
                DecisionRule::Threshold { class, probability: self.column(class).for_recall(*share) }
            }
            Goal::Precision { label, share } => {
                let class = self.class(label)?;
                DecisionRule::Threshold { class, probability: self.column(class).for_precision(*share) }
            }
            Goal::Cost { wrong, taken_for, times } => {
                let (wrong, taken_for) = (self.class(wrong)?, self.class(taken_for)?);
                DecisionRule::Cost { wrong, taken_for, times: *times as f32 }
            }
        })
    }

    pub(super) fn class(&self, label: &Label) -> Result<ClassIndex, FitError> {
        self.labels.index_of(label).ok_or_else(|| FitError::GoalLabel(label.clone()))
    }

    /// The probability of `class` of every picture, the highest first.
    pub(super) fn column(&self, class: ClassIndex) -> Column {
        let probabilities = self.probabilities.index_axis(Axis(1), class.0);
        let mut rows: Vec<(f32, bool)> =
            probabilities.iter().zip(self.truth).map(|(&probability, truth)| (probability, *truth == class)).collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0));
        Column { rows }
    }

    fn report(&self, point: &OperatingPoint, options: &FitOptions) -> Result<OperatingReport, FitError> {
        let said = self.said(point);
        let class = options
            .goal
            .as_ref()
            .map(|goal| self.class(goal.label()).map(|class| self.fares(class, |row| said[row] == Some(class))));
        let class = class.transpose()?;
        let reached = match (&options.goal, &class) {
            (Some(Goal::Recall { share, .. }), Some(class)) => class.found.reaches(*share),
            (Some(Goal::Precision { share, .. }), Some(class)) => class.right.reaches(*share),
            _ => true,
        };
        Ok(OperatingReport {
            goal: options.goal.clone(),
            reached,
            probability: match point.rule {
                DecisionRule::Threshold { probability, .. } => Some(rounded(f64::from(probability))),
                DecisionRule::Likeliest | DecisionRule::Cost { .. } => None,
            },
            least: options.least,
            class,
            silent: self.share(|_| true, |row| said[row].is_none()),
        })
    }

    /// Of the rows `of`, those that count.
    pub(super) fn share(&self, of: impl Fn(usize) -> bool, counts: impl Fn(usize) -> bool) -> Share {
        let rows = (0..self.truth.len()).filter(|row| of(*row));
        match self.groups {
            Some(groups) => Share::of_groups(rows.map(|row| (groups[row], counts(row)))),
            None => {
                let (count, of) = rows.fold((0, 0), |(count, of), row| (count + usize::from(counts(row)), of + 1));
                Share::new(count, of)
            }
        }
    }

    /// `called` says whether a row is called so.
    pub(super) fn fares(&self, class: ClassIndex, called: impl Fn(usize) -> bool) -> OperatingClass {
        let own = |row: usize| self.truth[row] == class;
        OperatingClass {
            label: self.labels.get(class).expect("one label a class").clone(),
            found: self.share(own, &called),
            right: self.share(&called, own),
            false_alarms: self.share(|row| !own(row), &called),
        }
    }
}

/// How likely a class is for each picture, the highest first, and whether the picture is of it.
pub(super) struct Column {
    pub rows: Vec<(f32, bool)>,
}

impl Column {
    /// The highest threshold from which on at least `share` of the class's pictures is found.
    pub fn for_recall(&self, share: f64) -> f32 {
        let own: Vec<f32> = self.rows.iter().filter(|row| row.1).map(|row| row.0).collect();
        let wanted = ((share * own.len() as f64) - 1e-9).ceil().max(1.0) as usize;
        match own.get(wanted - 1).or(own.last()) {
            Some(&last) => self.below(last),
            // No picture of it was held out.
            None => 0.5,
        }
    }

    /// The lowest threshold from which on at least `share` of what is called so is right; where none is, that of the
    /// highest precision.
    fn for_precision(&self, share: f64) -> f32 {
        let (mut right, mut lowest, mut best) = (0, None, (0.0, 1.0));
        for (index, &(probability, own)) in self.rows.iter().enumerate() {
            right += usize::from(own);
            // Equal probabilities are called so together.
            if self.rows.get(index + 1).is_some_and(|next| next.0 == probability) {
                continue;
            }
            let precision = right as f64 / (index + 1) as f64;
            if precision >= share {
                lowest = Some(probability);
            }
            if precision > best.0 {
                best = (precision, probability);
            }
        }
        self.below(lowest.unwrap_or(best.1))
    }

    /// Halfway from `probability` to the next lower one, so that nothing rests on the last digit.
    fn below(&self, probability: f32) -> f32 {
        let lower = self.rows.iter().map(|row| row.0).find(|lower| *lower < probability).unwrap_or(0.0);
        let middle = f32::midpoint(probability, lower);
        if middle > lower { middle } else { probability }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// Two classes, `ok` and `defect`; how likely each picture is a defect, and whether it is.
    fn answers(pictures: &[(f32, bool)], goal: Goal) -> (OperatingPoint, OperatingReport) {
        let labels = Labels::new(vec![Label::new("ok").unwrap(), defect()]).unwrap();
        let truth: Vec<ClassIndex> = pictures.iter().map(|picture| ClassIndex(usize::from(picture.1))).collect();
        let probabilities = Array2::from_shape_fn((pictures.len(), 2), |(row, class)| {
            if class == 1 { pictures[row].0 } else { 1.0 - pictures[row].0 }
        });
        let answers =
            HeldOutAnswers { labels: &labels, probabilities: probabilities.view(), truth: &truth, groups: None };
        let options = FitOptions { goal: Some(goal), ..FitOptions::default() };
        let (point, report) = answers.operating_point(&options).unwrap();
        (point, report.unwrap())
    }

    fn defect() -> Label {
        Label::new("defect").unwrap()
    }

    const PICTURES: [(f32, bool); 8] =
        [(0.9, true), (0.6, true), (0.5, false), (0.3, true), (0.2, false), (0.1, true), (0.05, false), (0.01, false)];

    fn threshold(point: &OperatingPoint) -> f32 {
        match point.rule {
            DecisionRule::Threshold { class: ClassIndex(1), probability } => probability,
            rule => panic!("{rule:?}"),
        }
    }

    #[test]
    fn a_recall_is_met_with_the_highest_threshold_that_meets_it() {
        for (share, expected, found, alarms) in [(0.75, 0.25, 3, 1), (0.76, 0.075, 4, 2), (0.5, 0.55, 2, 0)] {
            let (point, report) = answers(&PICTURES, Goal::Recall { label: defect(), share });
            assert!((threshold(&point) - expected).abs() < 1e-6, "{share}: {point:?}");
            let class = report.class.unwrap();
            assert_eq!((class.found.count, class.false_alarms.count, report.reached), (found, alarms, true));
        }
    }

    #[test]
    fn a_precision_is_met_with_the_lowest_threshold_that_meets_it_or_said_not_to_be() {
        let (point, report) = answers(&PICTURES, Goal::Precision { label: defect(), share: 0.75 });
        assert!((threshold(&point) - 0.25).abs() < 1e-6, "{point:?}");
        assert_eq!((report.class.unwrap().right.share, report.reached), (Some(0.75), true));
        let worse = [(0.9, false), (0.5, true), (0.4, false)];
        let (_, report) = answers(&worse, Goal::Precision { label: defect(), share: 0.9 });
        assert_eq!((report.class.unwrap().right.share, report.reached), (Some(0.5), false));
    }

    #[test]
    fn a_goal_for_a_class_that_is_not_there_or_without_held_out_pictures_is_refused() {
        let labels = Labels::new(vec![Label::new("ok").unwrap(), defect()]).unwrap();
        let none = Array2::zeros((0, 2));
        let answers = HeldOutAnswers { labels: &labels, probabilities: none.view(), truth: &[], groups: None };
        let asked = |label: Label| {
            let goal = Some(Goal::Recall { label, share: 0.9 });
            answers.operating_point(&FitOptions { goal, ..FitOptions::default() }).unwrap_err()
        };
        assert!(matches!(asked(defect()), FitError::NothingHeldOut));
        let goal = Goal::Cost { wrong: Label::new("dent").unwrap(), taken_for: defect(), times: 2.0 };
        let error = answers.operating_point(&FitOptions { goal: Some(goal), ..FitOptions::default() }).unwrap_err();
        assert!(matches!(error, FitError::GoalLabel(label) if label.as_str() == "dent"));
    }
}
