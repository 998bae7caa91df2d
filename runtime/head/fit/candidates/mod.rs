//! Kinds of head side by side: each answers out of fold, and can be fitted on everything.

pub mod average;
mod lda;
pub mod perceptron;
mod prototype;
mod ridge;
mod softmax;

pub use ridge::{RidgeFit, ridge_regression};
pub use softmax::{SoftmaxFit, softmax_regression};

use super::Prepared;
use super::prepared::{Recipe, Trial, scatter};
use crate::head::error::FitError;
use crate::head::models::{Head, HeadKind};
use crate::head::report::TrainingReport;

/// A head fitted on all samples.
pub struct Fitted {
    pub head: Head,
    /// `None` for a head of closed form.
    pub training: Option<TrainingReport>,
}

/// A head of this kind, which must be one that can learn the task, with the settings that cross-validation prefers.
///
/// # Errors
/// When its answers out of fold are not finite, or a decomposition does not converge.
pub fn trial(kind: HeadKind, data: &Prepared) -> Result<Trial, FitError> {
    let trial = match kind {
        HeadKind::Prototype => prototype::trial(data),
        HeadKind::Lda => lda::trial(data)?,
        HeadKind::Ridge => ridge::trial(data)?,
        HeadKind::Softmax => softmax::trial(data),
        HeadKind::Average => average::trial(data)?,
        HeadKind::Mlp => perceptron::trial(data),
    };
    match trial.outputs.iter().all(|output| output.is_finite()) {
        true => Ok(trial),
        false => Err(FitError::Diverged),
    }
}

/// What the head of `recipe` answers out of fold on `data`, with the settings that cross-validation prefers there.
///
/// # Errors
/// As [`trial`].
pub fn retried(recipe: &Recipe, data: &Prepared) -> Result<Trial, FitError> {
    let Recipe::Average(members) = recipe else { return trial(recipe.kind(), data) };
    let members: Vec<Trial> = members.iter().map(|(_, member)| trial(member.kind(), data)).collect::<Result<_, _>>()?;
    Ok(average::of(&members.iter().collect::<Vec<_>>(), data).expect("as many members"))
}

/// The head of `recipe` fitted on all samples.
///
/// # Errors
/// When a decomposition does not converge.
pub fn refit(recipe: &Recipe, data: &Prepared) -> Result<Fitted, FitError> {
    let head = match recipe {
        Recipe::Prototype => prototype::refit(data),
        Recipe::Lda => lda::refit(data)?,
        Recipe::Ridge { penalty } => ridge::refit(*penalty, data)?,
        Recipe::Softmax { penalty } => softmax::refit(*penalty, data),
        Recipe::Average(members) => average::refit(members, data)?,
        Recipe::Mlp => return Ok(perceptron::refit(data)),
    };
    Ok(Fitted { head, training: None })
}
