//! What a decision made of the pictures that were held out: right and wrong, class by class, and how far to believe it.

use std::collections::BTreeMap;

use super::operating::HeldOutAnswers;
use crate::head::models::OperatingPoint;
use crate::head::report::{OperatingClass, Share};
use crate::labels::ClassIndex;
use crate::metrics::{CalibrationBin, best_classes, calibration_bin, calibration_bins};

/// Over the highest probability.
const BINS: usize = 10;

/// Of all held-out pictures.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Of which the right class was said.
    pub right: Share,
    /// Of which nothing was said.
    pub silent: Share,
    /// What happened at least once.
    pub confusion: Vec<Confused>,
    /// One a class, in their order.
    pub classes: Vec<OperatingClass>,
    /// Those that hold a picture, from unsure to sure.
    pub reliability: Vec<Reliability>,
}

/// How often pictures of one class were called by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Confused {
    pub truth: ClassIndex,
    /// `None` where nothing was said.
    pub said: Option<ClassIndex>,
    pub count: usize,
}

/// Pictures of which the likeliest class was about so likely.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Reliability {
    pub from: f64,
    pub to: f64,
    /// The mean of these probabilities.
    pub confidence: f64,
    /// Of which the likeliest class was the right one.
    pub right: Share,
}

impl HeldOutAnswers<'_> {
    /// What `point` says of each picture; `None` where it says nothing.
    pub fn said(&self, point: &OperatingPoint) -> Vec<Option<ClassIndex>> {
        self.probabilities.rows().into_iter().map(|row| point.decide(row)).collect()
    }

    /// What comes of `point`.
    pub fn outcome(&self, point: &OperatingPoint) -> Outcome {
        let said = self.said(point);
        let mut pairs: BTreeMap<(usize, Option<usize>), usize> = BTreeMap::new();
        for (truth, said) in self.truth.iter().zip(&said) {
            *pairs.entry((truth.0, said.map(|said| said.0))).or_default() += 1;
        }
        let confused = |(&(truth, said), &count): (&(usize, Option<usize>), &usize)| Confused {
            truth: ClassIndex(truth),
            said: said.map(ClassIndex),
            count,
        };
        Outcome {
            right: self.share(|_| true, |row| said[row] == Some(self.truth[row])),
            silent: self.share(|_| true, |row| said[row].is_none()),
            confusion: pairs.iter().map(confused).collect(),
            classes: (0..self.labels.len())
                .map(ClassIndex)
                .map(|class| self.fares(class, |row| said[row] == Some(class)))
                .collect(),
            reliability: self.reliability(),
        }
    }

    fn reliability(&self) -> Vec<Reliability> {
        let best = best_classes(self.probabilities);
        let place_of = |row: usize| calibration_bin(f64::from(self.probabilities[[row, best[row].0]]), BINS);
        let bins = calibration_bins(self.probabilities, self.truth, BINS);
        let shown = |(place, bin): (usize, &CalibrationBin)| Reliability {
            from: place as f64 / BINS as f64,
            to: (place + 1) as f64 / BINS as f64,
            confidence: bin.confidence,
            right: self.share(|row| place_of(row) == place, |row| best[row] == self.truth[row]),
        };
        bins.iter().enumerate().filter(|(_, bin)| bin.count > 0).map(shown).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::models::DecisionRule;
    use crate::labels::{Label, Labels};
    use ndarray::array;

    #[test]
    fn what_is_said_is_counted_by_what_it_is_and_nothing_said_as_nothing() {
        let labels = Labels::new(["a", "b"].map(|name| Label::new(name).unwrap()).to_vec()).unwrap();
        let probabilities = array![[0.95, 0.05], [0.65, 0.35], [0.3, 0.7], [0.45, 0.55]];
        let truth = [0, 0, 1, 0].map(ClassIndex);
        let answers =
            HeldOutAnswers { labels: &labels, probabilities: probabilities.view(), truth: &truth, groups: None };
        let plain = answers.outcome(&OperatingPoint::default());
        assert_eq!((plain.right.count, plain.right.of, plain.silent.count), (3, 4, 0));
        let pairs = |outcome: &Outcome| -> Vec<(usize, Option<usize>, usize)> {
            outcome.confusion.iter().map(|one| (one.truth.0, one.said.map(|said| said.0), one.count)).collect()
        };
        assert_eq!(pairs(&plain), [(0, Some(0), 2), (0, Some(1), 1), (1, Some(1), 1)]);
        assert_eq!((plain.classes[0].found.count, plain.classes[0].found.of), (2, 3));
        assert_eq!((plain.classes[1].right.count, plain.classes[1].false_alarms.of), (1, 3));
        let careful = answers.outcome(&OperatingPoint { rule: DecisionRule::Likeliest, least: Some(0.6) });
        assert_eq!(pairs(&careful), [(0, None, 1), (0, Some(0), 2), (1, Some(1), 1)]);
        assert_eq!((careful.silent.count, careful.right.count), (1, 3));
        // The decision does not change how sure it was.
        assert_eq!(careful.reliability, plain.reliability);
        let bins: Vec<(f64, usize, usize)> =
            plain.reliability.iter().map(|bin| (bin.to, bin.right.count, bin.right.of)).collect();
        assert_eq!(bins, [(0.6, 0, 1), (0.7, 2, 2), (1.0, 1, 1)]);
    }
}
