//! Cosine to class means: nothing to choose.

use ndarray::{Array2, Axis};

use super::{Prepared, Recipe, Trial, scatter};
use crate::head::models::{Head, Prototype};

/// What makes a logit of a cosine; the temperature makes it honest.
const SCALE: f32 = 16.0;

pub fn trial(data: &Prepared) -> Trial {
    let features = data.dataset.features();
    let mut cosines = Array2::zeros((data.dataset.len(), data.classes().count()));
    for fold in data.split.folds.iter() {
        let training = data.split.folds.training_rows(fold);
        let known = features.select(Axis(0), &training);
        let prototype = Prototype::imprint(known.view(), &data.targets(&training), data.classes().count());
        scatter(&mut cosines, fold, &prototype.logits(features.select(Axis(0), fold).view()));
    }
    Trial { recipe: Recipe::Prototype, outputs: data.split.held_out(&cosines) * SCALE }
}

pub fn refit(data: &Prepared) -> Head {
    let (features, targets) = (data.dataset.features().view(), data.dataset.targets());
    Head::Prototype(Prototype { scale: SCALE, ..Prototype::imprint(features, targets, data.classes().count()) })
}
