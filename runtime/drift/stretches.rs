//! Frames of one camera are not independent: of a stretch of alike or quickly following ones, one counts.

use std::collections::VecDeque;
use std::time::Duration;

use ndarray::{Array1, ArrayView1};

/// A look is compared with so many counted ones before it,
const COMPARED: usize = 32;
/// not longer ago than that, in milliseconds: a camera that has fallen over shows the same wall for ever.
const ALIKE: u64 = 60 * 60 * 1000;

/// Which looks of a camera count.
pub struct Stretches {
    every: Duration,
    /// In milliseconds since 1970.
    last: Option<u64>,
    /// When they were, and their directions.
    recent: VecDeque<(u64, Array1<f32>)>,
}

impl Stretches {
    /// Goes on after a look at `last`, with the least time between looks that count.
    pub fn new(every: Duration, last: Option<u64>) -> Self {
        Self { every, last, recent: VecDeque::new() }
    }

    /// Whether a look so long after the last may count. A clock that was set back does not stop it.
    pub fn is_due(&self, at: u64) -> bool {
        self.last.is_none_or(|last| u128::from(last.abs_diff(at)) >= self.every.as_millis())
    }

    /// Whether a look counts, which is due: it is no near-twin of one that did within the last hour. `limit` as of [`crate::head::near_twin_limit`].
    pub fn begins(&mut self, at: u64, feature: ArrayView1<f32>, limit: Option<f64>) -> bool {
        let direction = direction(feature);
        // Of directions the squared distance is 2 - 2 cosines.
        let far = |other: &Array1<f32>| 2.0 - 2.0 * f64::from(other.dot(&direction));
        self.recent.retain(|(then, _)| then.abs_diff(at) < ALIKE);
        if limit.is_some_and(|limit| self.recent.iter().any(|(_, other)| far(other) <= limit)) {
            return false;
        }
        self.last = Some(at);
        self.recent.push_back((at, direction));
        while self.recent.len() > COMPARED {
            self.recent.pop_front();
        }
        true
    }
}

/// Of length 1, or zeros.
fn direction(feature: ArrayView1<f32>) -> Array1<f32> {
    let length = feature.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    feature.mapv(|value| if length > 0.0 { (f64::from(value) / length) as f32 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_near_twin_and_what_follows_too_soon_do_not_count() {
        let mut stretches = Stretches::new(Duration::from_secs(60), None);
        let (one, other, alike) = (array![1.0, 0.0], array![0.0, 1.0], array![0.9995, 0.0316]);
        assert!(stretches.is_due(0) && stretches.begins(0, one.view(), Some(0.01)));
        assert!(!stretches.is_due(59_999) && stretches.is_due(60_000));
        assert!(!stretches.begins(60_000, alike.view(), Some(0.01)));
        assert!(stretches.is_due(60_001), "what did not count does not make others wait");
        assert!(stretches.begins(60_000, other.view(), Some(0.01)));
        assert!(!stretches.begins(200_000, alike.view(), Some(0.01)), "nor of one before the last");
        assert!(stretches.begins(200_000, alike.view(), None));
        assert!(!stretches.begins(200_000 + ALIKE - 1, alike.view(), Some(0.01)));
        assert!(stretches.begins(200_000 + ALIKE, alike.view(), Some(0.01)), "after an hour it does");
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_stop_the_counting() {
        assert!(Stretches::new(Duration::from_secs(60), Some(9_000_000)).is_due(1_000_000));
    }
}
