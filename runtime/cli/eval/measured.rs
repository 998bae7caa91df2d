//! What `eval` measures from.

use crate::head::{HeadArtifact, Scores};
use crate::labels::Label;

/// What the head said of samples whose labels are known.
pub struct Measured<'a> {
    pub scores: &'a [Scores],
    pub labels: &'a [Label],
    pub head: &'a HeadArtifact,
}
