//! Who answers about a picture: a head in this process, or the worker of a service.

use std::sync::Arc;

use crate::device::{AnswerError, Device, Follower, Glance, Predictor};
use crate::predictor::{Answer, Statement};
use crate::preprocess::Picture;

use super::Moment;
use super::decision::{Look, Said};

/// Answers about pictures, one after another.
pub trait Answerer {
    /// # Errors
    /// When there is no answer about this picture.
    fn answer(&mut self, camera: &str, picture: Arc<Picture>) -> Result<Glance, NoAnswer>;
}

#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("there is no head yet")]
    NoHead,
    #[error(transparent)]
    Picture(#[from] AnswerError),
    #[error("this program failed on the picture; its log says more")]
    Panic,
    #[error("nobody answers pictures any more")]
    Gone,
}

/// A predictor of this process, which takes a newly published head between two pictures.
pub struct OwnPredictor {
    predictor: Predictor,
    follower: Follower,
}

impl OwnPredictor {
    pub fn new(device: Device, predictor: Predictor) -> Self {
        Self { follower: Follower::new(device, Some(&predictor)), predictor }
    }
}

impl Answerer for OwnPredictor {
    fn answer(&mut self, camera: &str, picture: Arc<Picture>) -> Result<Glance, NoAnswer> {
        if let Some(successor) = self.follower.look_now_and_then() {
            self.predictor.take(successor);
        }
        Ok(self.predictor.glance(camera, &picture)?)
    }
}

/// What a decision is told of it.
pub(super) fn look(glance: &Glance, at: Moment) -> Look {
    match glance {
        Glance::Answer { answer, decided, .. } => answered(answer, at, *decided),
        Glance::Poor(poor) => Look::Nothing { at, nothing: poor.to_string() },
    }
}

fn answered(answer: &Answer, at: Moment, decided: bool) -> Look {
    let nothing = |why: &str| Look::Nothing { at, nothing: why.to_owned() };
    let Statement::Prediction(prediction) = &answer.statement else { return nothing("a number") };
    let label = match (&prediction.labels, &prediction.label) {
        (Some(labels), _) => labels.iter().map(|ranked| ranked.label.as_str()).collect::<Vec<_>>().join("+"),
        (None, Some(label)) if label.means_nothing() => return nothing(label.as_str()),
        (None, Some(label)) => label.to_string(),
        (None, None) if prediction.unknown => return nothing("unknown"),
        (None, None) => return nothing("unsure"),
    };
    if label.is_empty() || prediction.unknown {
        return nothing(if prediction.unknown { "unknown" } else { "no label" });
    }
    Look::Said { said: Said { at, label, score: prediction.score }, decided }
}
