//! Lets no more frames through than are of use, as evenly as the camera gives them.

use std::time::{Duration, Instant};

pub(super) struct Pace {
    interval: Duration,
    due: Instant,
}

impl Pace {
    pub fn new(interval: Duration) -> Self {
        Self { interval, due: Instant::now() }
    }

    /// Whether a frame of `now` is one too many. A quarter of an interval is nothing: a camera that gives as many frames as are
    /// wanted gives some of them a little earlier.
    pub fn is_early(&self, now: Instant) -> bool {
        now + self.interval / 4 < self.due
    }

    /// A frame was let through.
    pub fn passed(&mut self, now: Instant) {
        let behind = now.saturating_duration_since(self.due);
        self.due = if behind > self.interval { now } else { self.due } + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the frames that come at these milliseconds pass, with five a second wanted.
    fn passing(times: impl Iterator<Item = u64>) -> usize {
        let mut pace = Pace::new(Duration::from_millis(200));
        let start = pace.due;
        let mut passed = 0;
        for now in times.map(|milliseconds| start + Duration::from_millis(milliseconds)) {
            if !pace.is_early(now) {
                pace.passed(now);
                passed += 1;
            }
        }
        passed
    }

    #[test]
    fn about_as_many_frames_pass_as_are_wanted() {
        // Ten seconds at so many frames a second: 50 are wanted, and the one after them may be a little early.
        for (fps, least) in [(30, 50), (15, 50), (6, 50), (2, 20)] {
            let passed = passing((0..fps * 10).map(|frame| frame * 1000 / fps));
            assert!((least..=least + 1).contains(&passed), "{passed} of {fps} a second");
        }
        let jitter = |frame: u64| frame * 200 + frame * 7919 % 31;
        assert_eq!(passing((0..50).map(jitter)), 50, "as many as are wanted, none of them quite in time");
    }

    #[test]
    fn after_a_silence_no_burst_makes_up_for_it() {
        let times = (0..10).chain(300..330).map(|frame| frame * 1000 / 30);
        assert!((6..=8).contains(&passing(times)));
    }
}
