//! Cosine to class means: nothing to choose.

use ndarray::{Array2, Axis};

use super::{Prepared, Recipe, Trial, scatter};
use crate::head::models::{Head, Prototype};

/// What makes a logit of a cosine; the temperature makes it honest.
const SCALE: f32 = 16.0;

/// Rows whose cosines are computed at once.
const TOGETHER: usize = 4096;

pub fn trial(data: &Prepared) -> Trial {
    let features = data.dataset.learned();
    let mut cosines = Array2::zeros((data.dataset.len(), data.classes().count()));
    for fold in data.split.folds.iter() {
        let prototype = imprinted(&data.split.folds.training_rows(fold), data);
        for rows in fold.chunks(TOGETHER) {
            scatter(&mut cosines, rows, &prototype.logits(features.select(Axis(0), rows).view()));
        }
    }
    Trial { recipe: Recipe::Prototype, outputs: data.split.held_out(&cosines) * SCALE }
}

pub fn refit(data: &Prepared) -> Head {
    let all: Vec<usize> = (0..data.dataset.len()).collect();
    Head::Prototype(Prototype { scale: SCALE, ..imprinted(&all, data) })
}

fn imprinted(rows: &[usize], data: &Prepared) -> Prototype {
    let samples = (data.dataset.learned(), data.dataset.targets());
    Prototype::imprint_rows(samples, rows, data.classes().count())
}
