//! Linear discriminant analysis: folds are taken out of the sums of all samples.

use ndarray::{Array1, Array2, Axis};

use super::{Prepared, Recipe, Trial, scatter};
use crate::head::error::FitError;
use crate::head::models::{Head, LinearKind};
use crate::head::solve::lda::{Shape, discriminants};
use crate::head::solve::sums::Sums;
use edgetl_algebra::{get_global_parallelism, product};

pub fn trial(data: &Prepared) -> Result<Trial, FitError> {
    let mut logits = Array2::zeros((data.dataset.len(), data.classes().count()));
    for fold in data.split.folds.iter() {
        let rest = data.sums().without(&data.unweighted().sums_of(fold));
        let (weights, bias) = of_sums(&rest, data)?;
        scatter(&mut logits, fold, &data.design.logits(fold, (weights.view(), &bias), get_global_parallelism()));
    }
    Ok(Trial { recipe: Recipe::Lda, outputs: data.split.held_out(&logits) })
}

pub fn refit(data: &Prepared) -> Result<Head, FitError> {
    let (weights, bias) = of_sums(data.sums(), data)?;
    Ok(Head::Linear { fitted_by: LinearKind::Lda, linear: data.design.unfold(weights.view(), &bias) })
}

/// `[r,K]` and `[K]`, from sums in which each sample counts once and a target is 1 for its class and -1 for every other.
fn of_sums(sums: &Sums, data: &Prepared) -> Result<(Array2<f32>, Array1<f32>), FitError> {
    let counts = (&sums.targets + sums.weight) / 2.0;
    let of_classes = ((&sums.cross + &sums.coordinates.view().insert_axis(Axis(1))) / 2.0).reversed_axes();
    let means = &of_classes / &counts.mapv(|count| count.max(1.0)).insert_axis(Axis(1));
    let within = &sums.moment - &product(of_classes.t(), means.view(), get_global_parallelism());
    let shape = Shape { dim: data.dataset.dim(), balance: data.options.balance };
    // Features without any spread inside the classes: as much as rounding would leave.
    let (weights, bias) = discriminants(within.clone(), &means, &counts, &shape)
        .or_else(|_| discriminants(within + Array2::<f64>::eye(means.ncols()) * 1e-6, &means, &counts, &shape))
        .map_err(|_| FitError::Decomposition)?;
    Ok((weights.mapv(|weight| weight as f32), bias.mapv(|bias| bias as f32)))
}
