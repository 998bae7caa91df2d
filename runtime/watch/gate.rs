//! Which frames the network sees: when something moves, from time to time, or when somebody says so.

use std::time::Duration;

use serde::Deserialize;

use super::Moment;
use super::motion::{Grey, Motion};

/// What opens the gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Opens {
    /// Something moves, or it was shut for as long as the settings allow.
    #[default]
    Motion,
    /// It is never shut.
    Always,
    /// Somebody says so.
    Trigger,
}

/// What a camera's owner may set.
#[derive(Clone, PartialEq, Debug)]
pub struct GateSettings {
    pub opens: Opens,
    /// The least share of the picture that must move.
    pub area: f32,
    /// The longest time without a look, where motion opens it.
    pub every: Duration,
}

/// After something moved, it stays open for so long: what matters is seen once it stands still.
const LINGERS: Duration = Duration::from_secs(3);
/// While something is about to be decided, a look each so often does.
const WHILE_OPEN: Duration = Duration::from_millis(500);

/// Lets frames through.
pub struct Gate {
    settings: GateSettings,
    motion: Motion,
    /// When something moved last.
    moved: Option<Moment>,
    /// When a frame was let through last.
    passed: Option<Moment>,
    triggered: bool,
}

impl Gate {
    pub fn new(settings: GateSettings) -> Self {
        Self { settings, motion: Motion::default(), moved: None, passed: None, triggered: false }
    }

    /// The next frame passes.
    pub fn trigger(&mut self) {
        self.triggered = true;
    }

    /// Why the network is to see the frame, in a word; `None` where it is not. `picture` is asked for only where it matters;
    /// `wanted`: something is about to be decided.
    pub fn passes(&mut self, at: Moment, picture: impl FnOnce() -> Grey, wanted: bool) -> Option<&'static str> {
        if self.settings.opens == Opens::Motion && self.motion.share(&picture()) >= self.settings.area {
            self.moved = Some(at);
        }
        let due = |wait: Duration| self.passed.is_none_or(|passed| at.since(passed) >= wait);
        let moves = self.moved.is_some_and(|moved| at.since(moved) < LINGERS);
        let why = match self.settings.opens {
            Opens::Always => Some("always"),
            _ if self.triggered => Some("trigger"),
            Opens::Motion if moves => Some("motion"),
            _ if wanted && due(WHILE_OPEN) => Some("deciding"),
            Opens::Motion if due(self.settings.every) => Some("time"),
            _ => None,
        };
        if why.is_some() {
            self.passed = Some(at);
            self.triggered = false;
        }
        why
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preprocess::Picture;

    fn gate(opens: Opens) -> Gate {
        Gate::new(GateSettings { opens, area: 0.01, every: Duration::from_secs(30) })
    }

    fn grey(level: u8) -> Grey {
        // Half of it changes, since a change of all is one of light.
        Grey::of(&Picture::new(2, 1, vec![0, 0, 0, level, level, level]).unwrap())
    }

    /// The seconds at which a frame passes; one a second, of the levels given.
    fn passes(gate: &mut Gate, from: u64, levels: &[u8], wanted: bool) -> Vec<u64> {
        let seconds = levels.iter().zip(from..);
        let passing =
            seconds.filter(|(level, second)| gate.passes(Moment(second * 1000), || grey(**level), wanted).is_some());
        passing.map(|(_, second)| second).collect()
    }

    #[test]
    fn motion_opens_it_for_a_while_and_from_time_to_time_it_opens_by_itself() {
        let mut gate = gate(Opens::Motion);
        assert_eq!(passes(&mut gate, 0, &[9; 10], false), [0, 1, 2], "the first is new");
        assert_eq!(passes(&mut gate, 10, &[90, 90], false), [10, 11]);
        let later: Vec<u64> = passes(&mut gate, 12, &[90; 100], false);
        assert!(later.first().unwrap() - 11 <= 30 && later.last().unwrap() - later[later.len() - 2] == 30, "{later:?}");
        assert_eq!(passes(&mut gate, 200, &[90; 2], true), [200, 201], "something is about to be decided");
    }

    #[test]
    fn a_trigger_lets_one_frame_through_and_those_that_are_needed_to_decide() {
        let mut gate = gate(Opens::Trigger);
        assert!(passes(&mut gate, 0, &[9, 99], false).is_empty());
        gate.trigger();
        assert_eq!(passes(&mut gate, 2, &[9, 9], false), [2]);
        assert_eq!(passes(&mut gate, 4, &[9, 9], true), [4, 5]);
        assert_eq!(passes(&mut self::gate(Opens::Always), 0, &[9, 9], false), [0, 1]);
    }
}
