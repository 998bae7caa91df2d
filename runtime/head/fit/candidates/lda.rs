//! Linear discriminant analysis: folds are taken out of the sums of all samples.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::{Prepared, Recipe, Trial, scatter};
use crate::head::error::FitError;
use crate::head::models::{Head, LinearKind};
use crate::head::solve::lda::{Shape, discriminants};
use crate::labels::ClassIndex;
use edgetl_algebra::{inner_product, product};

/// Sums over samples in the coordinates of a design.
#[derive(Clone)]
struct Sums {
    counts: Array1<f64>,
    sums: Array2<f64>,
    moment: Array2<f64>,
}

impl Sums {
    fn of(coordinates: ArrayView2<f64>, targets: &[ClassIndex], classes: usize) -> Self {
        let mut counts = Array1::zeros(classes);
        let mut sums = Array2::zeros((classes, coordinates.ncols()));
        for (row, target) in coordinates.rows().into_iter().zip(targets) {
            counts[target.0] += 1.0;
            let mut sum = sums.row_mut(target.0);
            sum += &row;
        }
        Self { counts, sums, moment: inner_product(coordinates) }
    }

    fn without(&self, other: &Self) -> Self {
        Self {
            counts: &self.counts - &other.counts,
            sums: &self.sums - &other.sums,
            moment: &self.moment - &other.moment,
        }
    }

    /// `[r,K]` and `[K]`.
    fn discriminants(&self, data: &Prepared) -> Result<(Array2<f32>, Array1<f32>), FitError> {
        let counts = self.counts.mapv(|count| count.max(1.0)).insert_axis(Axis(1));
        let means = &self.sums / &counts;
        let within = &self.moment - &product(self.sums.t(), means.view(), edgetl_algebra::get_global_parallelism());
        let shape = Shape { dim: data.dataset.dim(), balance: data.options.balance };
        // Features without any spread inside the classes: as much as rounding would leave.
        let (weights, bias) = discriminants(within.clone(), &means, &self.counts, &shape)
            .or_else(|_| discriminants(within + Array2::<f64>::eye(means.ncols()) * 1e-6, &means, &self.counts, &shape))
            .map_err(|_| FitError::Decomposition)?;
        Ok((weights.mapv(|weight| weight as f32), bias.mapv(|bias| bias as f32)))
    }
}

fn sums(coordinates: ArrayView2<f64>, data: &Prepared) -> Sums {
    Sums::of(coordinates, data.dataset.targets(), data.classes().count())
}

pub fn trial(data: &Prepared) -> Result<Trial, FitError> {
    let coordinates = data.design.coordinates().mapv(f64::from);
    let (all, classes) = (sums(coordinates.view(), data), data.classes().count());
    let mut logits = Array2::zeros((data.dataset.len(), classes));
    for fold in data.split.folds.iter() {
        let held_out = coordinates.select(Axis(0), fold);
        let rest = all.without(&Sums::of(held_out.view(), &data.targets(fold), classes));
        let (weights, bias) = rest.discriminants(data)?;
        let answers = held_out.mapv(|value| value as f32).dot(&weights) + &bias;
        scatter(&mut logits, fold, &answers);
    }
    Ok(Trial { recipe: Recipe::Lda, outputs: data.split.held_out(&logits) })
}

pub fn refit(data: &Prepared) -> Result<Head, FitError> {
    let coordinates = data.design.coordinates().mapv(f64::from);
    let (weights, bias) = sums(coordinates.view(), data).discriminants(data)?;
    Ok(Head::Linear { fitted_by: LinearKind::Lda, linear: data.design.unfold(weights.view(), &bias) })
}
