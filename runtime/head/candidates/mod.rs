//! Kinds of head side by side: each answers out of fold, and can be fitted on everything.

pub mod average;
pub mod cost;
mod lda;
mod mlp;
mod prototype;
mod ridge;
pub mod selected;
mod softmax;

use std::rc::Rc;

use ndarray::{Array2, Axis};

pub use ridge::{RidgeFit, ridge_regression};
pub use softmax::{SoftmaxFit, softmax_regression};

use super::design::Design;
use super::fit::FitError;
use super::folds::Folds;
use super::report::TrainingReport;
use super::{FitOptions, Head, HeadKind, Temperature};
use crate::dataset::Dataset;
use crate::labels::ClassIndex;
use crate::metrics;

/// What all candidates share.
pub struct Prepared<'a> {
    pub dataset: &'a Dataset,
    pub options: &'a FitOptions,
    pub folds: Folds,
    /// The rows that are held out once, ascending.
    pub measured: Vec<usize>,
    /// The true classes of the measured rows.
    pub truth: Vec<ClassIndex>,
    design: Design,
    /// One a sample, their sum N.
    weights: Vec<f64>,
}

impl<'a> Prepared<'a> {
    /// `dataset` has samples of each class.
    pub fn new(dataset: &'a Dataset, options: &'a FitOptions) -> Result<Self, FitError> {
        let (folds, design) = rayon::join(
            || Folds::new(dataset, options.folds, options.seed),
            || Design::new(dataset.features().view()).map_err(|_| FitError::Decomposition),
        );
        let design = design?;
        let measured = folds.measured_rows(dataset);
        let truth = measured.iter().map(|&row| dataset.targets()[row]).collect();
        let weights = sample_weights(dataset, options.balance);
        Ok(Self { dataset, options, folds, measured, truth, design, weights })
    }

    fn classes(&self) -> usize {
        self.dataset.labels().len()
    }

    fn targets(&self, rows: &[usize]) -> Vec<ClassIndex> {
        rows.iter().map(|&row| self.dataset.targets()[row]).collect()
    }

    /// From strong to weak: those of the options, else the head's own.
    fn penalties(&self, own: &[f64]) -> Vec<f64> {
        let mut penalties = self.options.penalties.clone().unwrap_or_else(|| own.to_vec());
        penalties.sort_by(|a, b| b.total_cmp(a));
        penalties
    }

    /// The rows of `all`, `[N,K]`, that were held out.
    fn held_out(&self, all: &Array2<f32>) -> Array2<f32> {
        all.select(Axis(0), &self.measured)
    }

    /// The loss of every measured sample, after calibration.
    pub fn losses(&self, logits: &Array2<f32>) -> Vec<f64> {
        let temperature = Temperature::fit(logits.view(), &self.truth);
        let probabilities = temperature.probabilities(logits.clone());
        let rows = probabilities.rows().into_iter().zip(&self.truth);
        rows.map(|(row, target)| -f64::from(row[target.0].max(f32::MIN_POSITIVE)).ln()).collect()
    }

    /// The mean loss of out-of-fold logits after calibration; NaN when nothing was held out.
    pub fn loss(&self, logits: &Array2<f32>) -> f64 {
        let temperature = Temperature::fit(logits.view(), &self.truth);
        metrics::nll(temperature.probabilities(logits.clone()).view(), &self.truth)
    }
}

/// All 1, or for each class the same total.
fn sample_weights(dataset: &Dataset, balance: bool) -> Vec<f64> {
    let counts = dataset.class_counts();
    let share = dataset.len() as f64 / counts.len() as f64;
    let weight = |target: &ClassIndex| if balance { share / counts[target.0] as f64 } else { 1.0 };
    dataset.targets().iter().map(weight).collect()
}

/// A kind of head with the settings that cross-validation prefers.
pub struct Trial {
    pub kind: HeadKind,
    /// `None` for a head without.
    pub penalty: Option<f64>,
    /// `[M,K]`, of the measured rows.
    pub logits: Array2<f32>,
    /// Fits the head of these settings on all samples.
    pub refit: Rc<dyn Fn(&Prepared) -> Fitted>,
}

/// A head fitted on all samples.
pub struct Fitted {
    pub head: Head,
    /// `None` for a head of closed form.
    pub training: Option<TrainingReport>,
}

impl From<Head> for Fitted {
    fn from(head: Head) -> Self {
        Self { head, training: None }
    }
}

impl Trial {
    pub fn run(kind: HeadKind, data: &Prepared) -> Result<Self, FitError> {
        match kind {
            HeadKind::Lda => lda::trial(data),
            HeadKind::Prototype => Ok(prototype::trial(data)),
            HeadKind::Ridge => Ok(ridge::trial(data)),
            HeadKind::Softmax => Ok(softmax::trial(data)),
            HeadKind::Average => average::trial(data),
            HeadKind::Mlp => mlp::trial(data),
        }
    }
}

fn scatter(target: &mut Array2<f32>, rows: &[usize], values: &Array2<f32>) {
    for (&row, values) in rows.iter().zip(values.rows()) {
        target.row_mut(row).assign(&values);
    }
}
