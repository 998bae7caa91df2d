//! What a decision other than the likeliest class does to pictures that were held out.

use serde::{Deserialize, Serialize};

use super::rounded;
use crate::head::options::Goal;
use crate::labels::Label;
use crate::metrics::wilson_interval;

/// A share that was counted, with the interval in which 19 of 20 repetitions of the count would put it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Share {
    pub count: usize,
    pub of: usize,
    /// `None` of nothing.
    pub share: Option<f64>,
    pub low: f64,
    pub high: f64,
}

impl Share {
    pub fn new(count: usize, of: usize) -> Self {
        let (low, high) = wilson_interval(count, of);
        let share = (of > 0).then(|| rounded(count as f64 / of as f64));
        Self { count, of, share, low: rounded(low), high: rounded(high) }
    }
}

/// What was asked for, what was set, and what comes of it out of fold.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OperatingReport {
    /// `None` where only `least` was.
    pub goal: Option<Goal>,
    /// Whether the held-out pictures meet the goal.
    pub reached: bool,
    /// From which on the class of the goal is said; `None` where costs decide.
    pub probability: Option<f64>,
    /// Below which nothing is said.
    pub least: Option<f64>,
    /// Of the class of the goal; `None` without one.
    pub class: Option<OperatingClass>,
    /// Pictures of which nothing was said.
    pub silent: Share,
}

/// How the class of a goal fares.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OperatingClass {
    pub label: Label,
    /// Recall: of its pictures, those that were called so.
    pub found: Share,
    /// Precision: of those that were called so, its pictures.
    pub right: Share,
    /// Of pictures of other classes, those that were called so.
    pub false_alarms: Share,
}
