//! The rule for unknown pictures, chosen by samples that were held out and classes that were left out.

use ndarray::{Array2, Axis};
use rayon::prelude::*;

use crate::head::candidates::{Prepared, Trial};
use crate::head::unknown::{Distance, DistanceKind, Evidence, UnknownRule};
use crate::labels::ClassIndex;

/// The rule with the distance that better tells known samples from samples of a class left out.
pub fn unknown_rule(best: &Trial, data: &Prepared) -> Option<UnknownRule> {
    let (features, targets, classes) = (data.dataset.features(), data.dataset.targets(), data.dataset.labels().len());
    let rules = DistanceKind::ALL.into_iter().filter_map(|kind| {
        let distance = Distance::new(kind, features.view(), targets, classes);
        let known = out_of_fold(kind, &best.logits, data);
        let rule = UnknownRule::fit(distance, &known, data.options.false_reject)?;
        let apart = match classes {
            0..3 => 0.0,
            _ => rule.auroc(&out_of_fold(kind, &without_own_class(best, data), data), &known),
        };
        Some((rule, apart))
    });
    // The first of equals.
    rules.reduce(|best, other| if other.1 > best.1 { other } else { best }).map(|(rule, _)| rule)
}

/// Distances without a fold judge that fold, as the distance of all samples will judge new pictures.
fn out_of_fold(kind: DistanceKind, logits: &Array2<f32>, data: &Prepared) -> Evidence {
    let (features, targets) = (data.dataset.features(), data.dataset.targets());
    let folds: Vec<&[usize]> = data.folds.iter().collect();
    let gather = |fold: &&[usize]| {
        let training = data.folds.training_rows(fold);
        let known: Vec<ClassIndex> = training.iter().map(|&row| targets[row]).collect();
        let features_known = features.select(Axis(0), &training);
        let distance = Distance::new(kind, features_known.view(), &known, data.dataset.labels().len());
        let (places, rows): (Vec<usize>, Vec<usize>) =
            fold.iter().filter_map(|row| Some((data.measured.binary_search(row).ok()?, *row))).unzip();
        let logits = logits.select(Axis(0), &places);
        Evidence::gather(&distance, features.select(Axis(0), &rows).view(), logits.view())
    };
    // In the order of the folds, whichever is ready first.
    let parts: Vec<Evidence> = folds.par_iter().map(gather).collect();
    parts.into_iter().fold(Evidence::default(), |mut all, part| {
        all.extend(part);
        all
    })
}

/// Out-of-fold logits in which each sample's own class has none to give: nearly what a head without the class says.
fn without_own_class(best: &Trial, data: &Prepared) -> Array2<f32> {
    let mut logits = best.logits.clone();
    for (mut row, target) in logits.rows_mut().into_iter().zip(&data.truth) {
        row[target.0] = f32::NEG_INFINITY;
    }
    logits
}
