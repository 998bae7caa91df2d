//! Pictures so like those that the head may have been fitted on that they are no new ones.

use serde::Serialize;

use super::measured::Measured;
use crate::cli::context::Context;
use crate::cli::output::{count, interval};
use crate::device::PublishedHead;
use crate::head::near_twins_of;
use crate::metrics::wilson_interval;
use crate::store::{Selection, Store, StoreError};
use crate::tensor::Features;

/// Near-twins of training pictures among those that were measured.
#[derive(Serialize)]
pub struct NearTwins {
    pictures: usize,
    /// On the pictures of known classes that are none; `None` where there are none.
    accuracy_without: Option<f64>,
    /// Of 95 %.
    accuracy_without_interval: Option<(f64, f64)>,
}

impl NearTwins {
    /// `None` where `near_twins`, one a picture, names none.
    pub fn new(measured: &Measured<'_>, near_twins: &[bool]) -> Option<Self> {
        let pictures = near_twins.iter().filter(|twin| **twin).count();
        let others = near_twins.iter().zip(measured.labels).zip(measured.scores).filter(|((twin, _), _)| !**twin);
        let right: Vec<bool> = others
            .filter_map(|((_, label), scores)| Some(measured.head.labels().index_of(label)? == scores.said()))
            .collect();
        let (number, of) = (right.iter().filter(|right| **right).count(), right.len());
        (pictures > 0).then(|| Self {
            pictures,
            accuracy_without: (of > 0).then(|| number as f64 / of as f64),
            accuracy_without_interval: (of > 0).then(|| wilson_interval(number, of)),
        })
    }

    pub fn text(&self) -> String {
        let without = match self.accuracy_without {
            Some(accuracy) => format!("accuracy without them {}", interval(accuracy, self.accuracy_without_interval)),
            None => "no other picture was measured".to_owned(),
        };
        let are = if self.pictures == 1 { "is a near-twin" } else { "are near-twins" };
        format!(
            "{} {are} (frames of one burst, copies) of stored training pictures: {without}",
            count(self.pictures, "picture")
        )
    }
}

/// Of each of `features`, `[N,W]`, whether it is a near-twin of a picture that is stored to train with.
pub fn of_training_pictures(
    features: &Features,
    published: &PublishedHead,
    context: &Context,
) -> anyhow::Result<Vec<bool>> {
    let store = match Store::open_existing(&context.state.database()) {
        Err(StoreError::Missing { .. }) => return Ok(Vec::new()),
        other => other?,
    };
    let training = context.device().dataset(&store, &published.artifact.fingerprint(), &Selection::default())?;
    if training.is_empty() || training.width() != features.0.ncols() {
        return Ok(Vec::new());
    }
    Ok(near_twins_of(training, features.0.view()))
}
