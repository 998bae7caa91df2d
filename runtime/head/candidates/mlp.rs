//! The perceptron, trained anew for each fold.

use ndarray::{Array2, Axis};

use super::{Prepared, Trial, scatter};
use crate::head::mlp::{Mlp, MlpSettings, train};
use crate::head::{Head, HeadKind};

/// Of the hidden layer, where twice the channels would be fewer.
const LEAST_WIDTH: usize = 16;

fn settings(data: &Prepared) -> MlpSettings {
    let settings = MlpSettings::for_channels(data.dataset.dim(), data.options.seed);
    MlpSettings { width: settings.width.max(LEAST_WIDTH), ..settings }
}

/// How many multiplications cross-validating and fitting take.
pub fn work(data: &Prepared) -> usize {
    let MlpSettings { width, epochs, .. } = settings(data);
    let sample = 3 * width.saturating_mul(data.dataset.dim() + data.classes());
    sample.saturating_mul(data.dataset.len() * epochs * (data.folds.count() + 1))
}

pub fn trial(data: &Prepared) -> Trial {
    let features = data.dataset.features();
    let mut logits = Array2::zeros((data.dataset.len(), data.classes()));
    for fold in data.folds.iter() {
        let mlp = fitted(&data.folds.training_rows(fold), data);
        scatter(&mut logits, fold, &mlp.logits(features.select(Axis(0), fold).view()));
    }
    let refit = |data: &Prepared| Head::Mlp(fitted(&(0..data.dataset.len()).collect::<Vec<_>>(), data));
    Trial { kind: HeadKind::Mlp, penalty: None, logits: data.held_out(&logits), refit: Box::new(refit) }
}

fn fitted(rows: &[usize], data: &Prepared) -> Mlp {
    let features = data.dataset.features().select(Axis(0), rows);
    train(features.view(), &data.targets(rows), data.classes(), &settings(data))
}
