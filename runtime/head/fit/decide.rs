//! Another decision for a head, by the answers that it keeps.

use super::check;
use super::operating::HeldOutAnswers;
use crate::head::error::FitError;
use crate::head::file::HeadArtifact;
use crate::head::models::OperatingPoint;
use crate::head::options::{FitOptions, Goal};

/// `head` with the decision that meets `goal`, and that says nothing below `least`, set by the held-out answers that it keeps; `None` where
/// it keeps none. With neither, the likeliest class is said, for which no answers are needed.
///
/// # Errors
/// When the goal names none of its classes, or makes no sense.
pub fn decide(head: &HeadArtifact, goal: Option<Goal>, least: Option<f64>) -> Result<Option<HeadArtifact>, FitError> {
    if goal.is_none() && least.is_none() {
        return Ok(Some(head.with_decision(OperatingPoint::default(), None, (None, None))));
    }
    let Some(answers) = HeldOutAnswers::of(head) else { return Ok(None) };
    let options = FitOptions { goal, least, ..FitOptions::default() };
    check(&options)?;
    let (point, report) = answers.operating_point(&options)?;
    Ok(Some(head.with_decision(point, report, (options.goal, options.least))))
}
