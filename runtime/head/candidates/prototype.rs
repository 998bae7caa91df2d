//! Cosine to class means: nothing to choose but the factor that makes a logit of a cosine.

use std::rc::Rc;

use ndarray::{Array2, Axis};

use super::{Prepared, Trial, scatter};
use crate::head::{Head, HeadKind, Prototype, Temperature};

/// A cosine's factor when nothing could be held out to learn it from.
const SCALE: f32 = 16.0;

pub fn trial(data: &Prepared) -> Trial {
    let features = data.dataset.features();
    let mut cosines = Array2::zeros((data.dataset.len(), data.classes()));
    for fold in data.folds.iter() {
        let training = data.folds.training_rows(fold);
        let known = features.select(Axis(0), &training);
        let prototype = Prototype::imprint(known.view(), &data.targets(&training), data.classes());
        scatter(&mut cosines, fold, &prototype.logits(features.select(Axis(0), fold).view()));
    }
    let cosines = data.held_out(&cosines);
    let scale = match cosines.is_empty() {
        true => SCALE,
        false => 1.0 / Temperature::fit(cosines.view(), &data.truth).value(),
    };
    let refit = move |data: &Prepared| {
        let (features, targets) = (data.dataset.features().view(), data.dataset.targets());
        Head::Prototype(Prototype { scale, ..Prototype::imprint(features, targets, data.classes()) }).into()
    };
    Trial { kind: HeadKind::Prototype, penalty: None, logits: cosines * scale, refit: Rc::new(refit) }
}
