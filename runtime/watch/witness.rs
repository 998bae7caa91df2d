//! Who sees what the head said of each frame, beside the one who decides.

use super::Moment;
use super::event::{Decided, Event};
use crate::camera::Frame;
use crate::predictor::Answer;
use crate::preprocess::Picture;

/// A frame that the head answered about.
pub struct Sight<'a> {
    pub camera: &'a str,
    pub at: Moment,
    /// As the camera gave it.
    pub frame: &'a Frame,
    /// Whether the network saw all of it, neither turned nor cut.
    pub is_whole: bool,
    /// What the network saw: upright, and of the frame only the region that matters.
    pub picture: &'a Picture,
    /// `[C]`, of the picture.
    pub feature: &'a [f32],
    pub answer: &'a Answer,
    /// What is told because of it.
    pub decided: &'a [Decided],
    /// What was decided, and holds now.
    pub holds: Option<&'a str>,
}

/// Sees every frame that the head answered about, on the thread that watches: it must be quick.
pub trait Witness: Send {
    /// Gives what is to be told because of it.
    fn see(&mut self, sight: &Sight<'_>) -> Vec<Event>;
}
