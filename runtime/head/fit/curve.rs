//! What each share of a class that can be found costs in false alarms.

use super::operating::HeldOutAnswers;
use crate::head::error::FitError;
use crate::head::report::{OperatingClass, rounded};
use crate::labels::Label;

/// A threshold on the probability of a class, and what comes of it out of fold.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct CurvePoint {
    /// From which on the class is said.
    pub probability: f64,
    pub class: OperatingClass,
}

impl HeldOutAnswers<'_> {
    /// One point for each number of pictures of `label` that can be found, or at most `most` points, evenly among them; the fewest first. Each
    /// is what a decision comes to whose goal is that share and that says nothing below `least`.
    ///
    /// # Errors
    /// When there is no such class.
    pub fn curve(&self, label: &Label, least: Option<f64>, most: usize) -> Result<Vec<CurvePoint>, FitError> {
        let class = self.class(label)?;
        let column = self.column(class);
        let own = column.rows.iter().filter(|row| row.1).count();
        let steps = own.min(most);
        let mut points: Vec<CurvePoint> = Vec::new();
        for step in 1..=steps {
            let wanted = step * own / steps;
            let threshold = column.for_recall(wanted as f64 / own as f64);
            let from = least.map_or(threshold, |least| threshold.max(least as f32));
            let called = column.rows.partition_point(|row| row.0 >= from);
            let found = column.rows[..called].iter().filter(|row| row.1).count();
            // Pictures of one probability are found together.
            if points.last().is_some_and(|last| last.class.found.count == found) {
                continue;
            }
            let class = self.fares(class, |row| self.probabilities[[row, class.0]] >= from);
            points.push(CurvePoint { probability: rounded(f64::from(threshold)), class });
        }
        Ok(points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::options::{FitOptions, Goal};
    use crate::labels::{ClassIndex, Labels};
    use ndarray::Array2;
    use proptest::prelude::*;

    fn labels() -> Labels {
        Labels::new(["defect", "ok", "other"].map(|name| Label::new(name).unwrap()).to_vec()).unwrap()
    }

    proptest! {
        /// What the slider shows is what is saved.
        #[test]
        fn every_point_is_what_a_decision_for_that_share_comes_to(
            rows in proptest::collection::vec((1u8..20, 1u8..20, 1u8..20, 0usize..3), 1..60),
            least in proptest::option::of(0.0f64..0.9),
            most in 1usize..70,
            bursts in proptest::option::of(1u32..9),
        ) {
            let labels = labels();
            let probabilities = Array2::from_shape_fn((rows.len(), 3), |(row, class)| {
                let parts = [rows[row].0, rows[row].1, rows[row].2].map(f32::from);
                parts[class] / parts.iter().sum::<f32>()
            });
            let truth: Vec<ClassIndex> = rows.iter().map(|row| ClassIndex(row.3)).collect();
            let groups = bursts.map(|bursts| (0..rows.len() as u32).map(|row| row % bursts).collect::<Vec<_>>());
            let answers = HeldOutAnswers { labels: &labels, probabilities: probabilities.view(), truth: &truth, groups: groups.as_deref() };
            let label = Label::new("defect").unwrap();
            let curve = answers.curve(&label, least, most).unwrap();
            prop_assert!(curve.len() <= most);
            prop_assert!(curve.is_sorted_by(|a, b| a.class.found.count < b.class.found.count));
            prop_assert!(curve.is_sorted_by(|a, b| a.probability >= b.probability));
            for point in &curve {
                let found = &point.class.found;
                let share = found.count as f64 / found.of as f64;
                if least.is_some() || share == 0.0 {
                    continue;
                }
                let goal = Some(Goal::Recall { label: label.clone(), share });
                let (_, report) = answers.operating_point(&FitOptions { goal, ..FitOptions::default() }).unwrap();
                let report = report.unwrap();
                prop_assert!(report.reached, "{} of {}", found.count, found.of);
                prop_assert_eq!((report.probability, report.class.as_ref()), (Some(point.probability), Some(&point.class)));
            }
        }
    }
}
