//! The rule for unknown pictures, chosen by samples that were held out and classes that were left out.

use ndarray::{Array2, Axis};
use rayon::prelude::*;

use super::{Prepared, Trial};
use crate::head::task::Target;
use crate::head::unknown::{Distance, DistanceKind, Evidence, UnknownRule};
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
            known.rule(DistanceKind::Neighbours, &Array2::zeros((data.split.measured.len(), 1))).map(|(rule, _)| rule)
        }
        Target::Names(_) => None,
    }
}

/// Samples that are known, each of a class.
struct Known<'a> {
    targets: Vec<ClassIndex>,
    classes: usize,
    data: &'a Prepared<'a>,
}

impl Known<'_> {
    /// `logits` out of fold, and nearly those that a head without the sample's class would give.
    fn best_rule(&self, logits: &Array2<f32>, without: &Array2<f32>) -> Option<UnknownRule> {
        let rules = DistanceKind::ALL.into_iter().filter_map(|kind| {
            let (rule, known) = self.rule(kind, logits)?;
            let apart = match self.classes {
                0..3 => 0.0,
                _ => rule.auroc(&self.out_of_fold(kind, without), &known),
            };
            Some((rule, apart))
        });
        // The first of equals.
        rules.reduce(|best, other| if other.1 > best.1 { other } else { best }).map(|(rule, _)| rule)
    }

    fn rule(&self, kind: DistanceKind, logits: &Array2<f32>) -> Option<(UnknownRule, Evidence)> {
        let distance = Distance::new(kind, self.data.dataset.features().view(), &self.targets, self.classes);
        let known = self.out_of_fold(kind, logits);
        Some((UnknownRule::fit(distance, &known, self.data.options.false_reject)?, known))
    }

    /// Distances without a fold judge that fold, as the distance of all samples will judge new pictures.
    fn out_of_fold(&self, kind: DistanceKind, logits: &Array2<f32>) -> Evidence {
        let (features, split) = (self.data.dataset.features(), &self.data.split);
        let folds: Vec<&[usize]> = split.folds.iter().collect();
        let places = split.places();
        let gather = |(fold, places): (&&[usize], &Vec<usize>)| {
            let training = split.folds.training_rows(fold);
            let targets: Vec<ClassIndex> = training.iter().map(|&row| self.targets[row]).collect();
            let distance = Distance::new(kind, features.select(Axis(0), &training).view(), &targets, self.classes);
            let rows: Vec<usize> = places.iter().map(|&place| split.measured[place]).collect();
            let logits = logits.select(Axis(0), places);
            Evidence::gather(&distance, features.select(Axis(0), &rows).view(), logits.view())
        };
        // In the order of the folds, whichever is ready first.
        let parts: Vec<Evidence> = folds.par_iter().zip(&places).map(gather).collect();
        parts.into_iter().fold(Evidence::default(), |mut all, part| {
            all.extend(part);
            all
        })
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
