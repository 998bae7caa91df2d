//! The perceptron, trained anew for each fold.

use std::rc::Rc;

use ndarray::{Array1, Axis};

use super::{Fitted, Prepared, Trial};
use crate::head::course::{Course, work};
use crate::head::fit::FitError;
use crate::head::mlp::{Loss, one_hot};
use crate::head::{Head, HeadKind};

/// How many multiplications cross-validating and fitting take at most.
pub fn cost(data: &Prepared) -> f64 {
    work(data.dataset, data.classes(), &data.folds, data.options)
}

pub fn trial(data: &Prepared) -> Result<Trial, FitError> {
    let logits = course(data).out_of_fold();
    if logits.iter().any(|logit| !logit.is_finite()) {
        return Err(FitError::Diverged);
    }
    let refit = |data: &Prepared| {
        let trained = course(data).on_all();
        Fitted { head: Head::Mlp(trained.mlp), training: Some(trained.report) }
    };
    Ok(Trial { kind: HeadKind::Mlp, penalty: None, logits: data.held_out(&logits), refit: Rc::new(refit) })
}

fn course<'a>(data: &'a Prepared) -> Course<'a> {
    let classes = data.dataset.targets().iter().map(|target| target.0);
    let weights = Array1::from_iter(data.weights.iter().map(|&weight| weight as f32));
    Course {
        dataset: data.dataset,
        targets: one_hot(classes, data.classes()) * weights.insert_axis(Axis(1)),
        loss: Loss::CrossEntropy { smoothing: data.options.mlp.label_smoothing },
        folds: &data.folds,
        stratified: true,
        options: data.options,
    }
}
