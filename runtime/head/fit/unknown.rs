//! The rule for unknown pictures, chosen by samples that were held out and classes that were left out.

use ndarray::Array2;
use rayon::prelude::*;

use super::{Prepared, Trial};
use crate::head::task::Target;
use crate::head::unknown::{Distance, DistanceKind, Evidence, Samples, UnknownRule};
use crate::labels::ClassIndex;

/// The rule with the distance that better tells known samples from samples of a class left out; for numbers the distance to
/// the nearest samples, whatever their number. `None` for names, whose thresholds say that a picture is none of them.
pub fn rule(best: &Trial, data: &Prepared) -> Option<UnknownRule> {
    match &data.target {
        Target::Classes(classes) => {
            let known = Known { targets: data.dataset.targets().to_vec(), classes: classes.count(), data };
            known.best_rule(&best.outputs, &without_own_class(&best.outputs, &classes.truth))
        }
        Target::Numbers(_) => {
            let known = Known { targets: vec![ClassIndex(0); data.dataset.len()], classes: 1, data };
            known.rule(DistanceKind::Neighbours, &Array2::zeros((data.split.measured.len(), 1)))
        }
        Target::Names(_) => None,
    }
}

/// Samples that are known, each of a class.
struct Known<'a, 'd> {
    targets: Vec<ClassIndex>,
    classes: usize,
    data: &'a Prepared<'d>,
}

impl Known<'_, '_> {
    /// `logits` out of fold, and nearly those that a head without the sample's class would give.
    fn best_rule(&self, logits: &Array2<f32>, without: &Array2<f32>) -> Option<UnknownRule> {
        let rules = DistanceKind::ALL.into_iter().filter_map(|kind| {
            let [known, strange] = self.out_of_fold(kind, [logits, without]);
            let rule = self.fitted(kind, &known)?;
            let apart = if self.classes < 3 { 0.0 } else { rule.auroc(&strange, &known) };
            Some((rule, apart))
        });
        // The first of equals.
        rules.reduce(|best, other| if other.1 > best.1 { other } else { best }).map(|(rule, _)| rule)
    }

    fn rule(&self, kind: DistanceKind, logits: &Array2<f32>) -> Option<UnknownRule> {
        let [known] = self.out_of_fold(kind, [logits]);
        self.fitted(kind, &known)
    }

    fn fitted(&self, kind: DistanceKind, known: &Evidence) -> Option<UnknownRule> {
        let samples = Samples::all(self.data.dataset.last_map(), &self.targets);
        UnknownRule::fit(Distance::new(kind, &samples, self.classes), known, self.data.options.false_reject)
    }

    /// Distances without a fold judge that fold, as the distance of all samples will judge new pictures; of each of `logits`.
    fn out_of_fold<const M: usize>(&self, kind: DistanceKind, logits: [&Array2<f32>; M]) -> [Evidence; M] {
        let (features, split) = (self.data.dataset.last_map(), &self.data.split);
        let folds: Vec<&[usize]> = split.folds.iter().collect();
        let places = split.places();
        let gather = |(fold, places): (&&[usize], &Vec<usize>)| {
            let rows = split.folds.training_rows(fold).into();
            let samples = Samples { features, targets: &self.targets, rows };
            let distance = Distance::new(kind, &samples, self.classes);
            logits.map(|logits| {
                let mut evidence = Evidence::default();
                for &place in places {
                    evidence.add(&distance, features.row(split.measured[place]), logits.row(place));
                }
                evidence
            })
        };
        // In the order of the folds, whichever is ready first.
        let parts: Vec<[Evidence; M]> = folds.par_iter().zip(&places).map(gather).collect();
        let mut all = std::array::from_fn(|_| Evidence::default());
        parts.into_iter().for_each(|parts| all.iter_mut().zip(parts).for_each(|(all, part)| all.extend(part)));
        all
    }
}

/// Out-of-fold logits in which each sample's own class has none to give: nearly what a head without the class says.
fn without_own_class(logits: &Array2<f32>, truth: &[ClassIndex]) -> Array2<f32> {
    let mut logits = logits.clone();
    for (mut row, target) in logits.rows_mut().into_iter().zip(truth) {
        row[target.0] = f32::NEG_INFINITY;
    }
    logits
}
