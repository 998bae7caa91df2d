//! Which channels of a feature a head takes.

use serde::{Deserialize, Serialize};

/// The channels of the last map come first in a feature, those of earlier maps behind them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Channels {
    /// How many are of the last map.
    pub last: usize,
    /// How many there are.
    pub all: usize,
}

impl Channels {
    /// Of a backbone without earlier maps.
    pub fn of_one_map(dim: usize) -> Self {
        Self { last: dim, all: dim }
    }

    /// Whether there are earlier maps.
    pub fn has_earlier(&self) -> bool {
        self.all > self.last
    }

    /// Whether a head of `dim` channels takes those of the last map, or all.
    pub fn fit(&self, dim: usize) -> bool {
        self.last <= self.all && (dim == self.last || dim == self.all)
    }
}
