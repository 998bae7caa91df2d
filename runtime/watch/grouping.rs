//! Which looks belong together: those of one visit, or of one state as it began. Pictures of one group never straddle folds.

use std::collections::HashMap;
use std::time::Duration;

use super::Moment;
use super::witness::Sight;

/// After so long without a look, what comes is something else, unless something is decided that holds.
const APART: Duration = Duration::from_secs(30);
/// What holds for hours does not look the same all the time.
const LONGEST: Duration = Duration::from_secs(600);

/// What each camera sees at the moment.
#[derive(Default)]
pub struct Groups(HashMap<String, Current>);

struct Current {
    began: Moment,
    last: Moment,
    holds: Option<String>,
}

impl Groups {
    /// The group of what is seen, as `gate 2026-11-26T13:30:02.123Z`: the camera, and when it began.
    pub fn of(&mut self, sight: &Sight<'_>) -> String {
        self.at(sight.camera, sight.at, sight.holds)
    }

    fn at(&mut self, camera: &str, at: Moment, holds: Option<&str>) -> String {
        let current = self.0.entry(camera.to_owned()).or_insert_with(|| Current { began: at, last: at, holds: None });
        // The first looks of a visit come before it is decided.
        let is_another = current.holds.is_some() && current.holds.as_deref() != holds;
        let is_apart = current.holds.is_none() && at.since(current.last) >= APART;
        if is_another || is_apart || at.since(current.began) >= LONGEST || at < current.began {
            current.began = at;
        }
        (current.last, current.holds) = (at, holds.map(str::to_owned));
        format!("{camera} {}", current.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_is_one_group_from_its_first_look_on_and_what_comes_after_is_another() {
        let mut groups = Groups::default();
        let looks =
            [(0, None), (1, None), (2, Some("cat")), (20, Some("cat")), (60, Some("cat")), (61, None), (62, None)];
        let of: Vec<String> = looks.map(|(second, holds)| groups.at("door", Moment(second * 1000), holds)).to_vec();
        assert!(of[..5].iter().all(|group| *group == "door 1970-01-01T00:00:00.000Z"), "{of:?}");
        assert!(of[5..].iter().all(|group| *group == "door 1970-01-01T00:01:01.000Z"), "{of:?}");
    }

    #[test]
    fn another_state_another_camera_a_pause_and_ten_minutes_are_another_group() {
        let mut groups = Groups::default();
        let mut of = |camera: &str, second: u64, holds| groups.at(camera, Moment(second * 1000), holds);
        let first = of("gate", 100, Some("open"));
        assert_ne!(of("door", 100, Some("open")), first);
        assert_eq!(of("gate", 699, Some("open")), first, "what holds may be looked at seldom");
        let later = of("gate", 700, Some("open"));
        assert_ne!(later, first);
        let shut = of("gate", 701, Some("shut"));
        assert_ne!(shut, later);
        let nothing = of("gate", 702, None);
        assert_ne!(of("gate", 740, None), nothing);
        assert_eq!(of("gate", 50, None), "gate 1970-01-01T00:00:50.000Z", "a clock that was set back");
    }
}
