//! Keeps pictures of cameras that would teach the head something, for somebody to label.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use serde::Deserialize;

use super::Moment;
use super::doubt::said;
use super::event::Event;
use super::grouping::Groups;
use super::known::{Known, Opening};
use super::settings::CameraSettings;
use super::still::{file, seen};
use super::witness::{Sight, Witness};
use crate::causes::causes;
use crate::device::{Device, DeviceError};
use crate::store::{Kept, NewReview, ReviewBounds};
use crate::threads::spawn;

/// Of one camera, at most one picture is kept in so long.
const COOL_DOWN: Duration = Duration::from_secs(10);
/// What most stores are opened in; larger ones are opened while looks go by.
const OPENING: Duration = Duration::from_secs(1);
/// After an error, nothing is tried for so long.
const PAUSE: Duration = Duration::from_secs(30);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How much is kept: the section `[review]` of the settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewSettings {
    /// Pictures.
    pub most: usize,
    pub days: u32,
    /// Of all pictures together.
    pub megabytes: u32,
    /// Of the disk, so much stays free.
    pub disk_reserve_megabytes: u32,
}

impl Default for ReviewSettings {
    fn default() -> Self {
        Self { most: 200, days: 30, megabytes: 100, disk_reserve_megabytes: 500 }
    }
}

impl ReviewSettings {
    fn bounds(self) -> ReviewBounds {
        ReviewBounds {
            most: self.most,
            age: Duration::from_secs(u64::from(self.days) * 24 * 60 * 60),
            bytes: u64::from(self.megabytes) * 1_000_000,
            reserve: u64::from(self.disk_reserve_megabytes) * 1_000_000,
        }
    }

    fn is_off(self) -> bool {
        self.most == 0 || self.days == 0 || self.megabytes == 0
    }
}

/// Decides about each look whether it is kept.
pub struct Keeping {
    device: Device,
    bounds: ReviewBounds,
    /// Of which pictures are kept.
    names: BTreeSet<String>,
    groups: Groups,
    cameras: HashMap<String, Camera>,
    known: Option<Known>,
    opening: Option<Opening>,
    /// When it could not be done last.
    failed: Option<Moment>,
    /// When what is too old was let go of last.
    tidied: Option<Moment>,
    pub(super) counts: Counts,
}

/// How often which came of it: said at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub kept: u64,
    /// Not kept, since too little of the disk is free.
    pub no_room: u64,
    pub failures: u64,
}

/// What is remembered of a camera.
#[derive(Default)]
struct Camera {
    kept: Option<Moment>,
    /// What the latest answers said, and when.
    said: VecDeque<(Moment, String)>,
}

/// Answers that changed to and fro within so long disagree.
const TO_AND_FRO: Duration = Duration::from_secs(30);
/// So many of the latest answers are looked at, and so many changes among them are one too many.
const LATEST: usize = 5;
const CHANGES: usize = 2;

impl Camera {
    /// Whether what the head says changes to and fro.
    fn disagrees(&mut self, at: Moment, said: Option<&str>) -> bool {
        if let Some(said) = said {
            self.said.push_back((at, said.to_owned()));
        }
        while self.said.len() > LATEST || self.said.front().is_some_and(|(then, _)| at.since(*then) > TO_AND_FRO) {
            self.said.pop_front();
        }
        let next = self.said.iter().skip(1);
        said.is_some() && self.said.iter().zip(next).filter(|((_, one), (_, other))| one != other).count() >= CHANGES
    }

    fn is_cooling_down(&self, at: Moment) -> bool {
        is_within(COOL_DOWN, self.kept, at)
    }
}

/// Whether so long has not passed yet since `then`; a clock that was set back makes nobody wait.
fn is_within(wait: Duration, then: Option<Moment>, at: Moment) -> bool {
    then.is_some_and(|then| then <= at && at.since(then) < wait)
}

impl Keeping {
    /// Keeps pictures of `cameras` in the state of `device`; `None` where nothing is to be kept.
    pub fn new(device: Device, settings: ReviewSettings, cameras: &[(String, CameraSettings)]) -> Option<Self> {
        (!settings.is_off() && !cameras.is_empty()).then(|| Self {
            device,
            bounds: settings.bounds(),
            names: cameras.iter().map(|(name, _)| name.clone()).collect(),
            groups: Groups::default(),
            cameras: HashMap::new(),
            known: None,
            opening: None,
            failed: None,
            tidied: None,
            counts: Counts::default(),
        })
    }

    fn look(&mut self, sight: &Sight<'_>) -> Result<(), DeviceError> {
        self.tidy(sight.at);
        let group = self.groups.of(sight);
        let camera = self.cameras.entry(sight.camera.to_owned()).or_default();
        let disagrees = camera.disagrees(sight.at, said(&sight.answer.statement));
        if camera.is_cooling_down(sight.at) || is_within(PAUSE, self.failed, sight.at) {
            return Ok(());
        }
        let known = beside(&mut self.known, &mut self.opening, (&self.device, sight.answer.head_version))?;
        let Some(known) = known else { return Ok(()) };
        let Some((why, usefulness)) = known.worth(sight, disagrees) else { return Ok(()) };
        let Some(picture) = file(&seen(sight)) else { return Ok(()) };
        let new = NewReview {
            picture: picture.to_vec(),
            features: known.features(sight),
            at: sight.at.0,
            camera: sight.camera.to_owned(),
            group,
            answer: serde_json::to_string(&sight.answer.statement).expect("numbers and text"),
            why,
            usefulness,
        };
        match known.keep(&new, &self.bounds)? {
            Kept::Kept(_) => {
                camera.kept = Some(sight.at);
                self.counts.kept += 1;
            }
            Kept::NoRoom => {
                // Others may make room meanwhile.
                self.failed = Some(sight.at);
                self.count_no_room();
            }
            Kept::Known | Kept::Useless => {}
        }
        Ok(())
    }

    /// Once a day, beside the cameras, what was kept for a while is let go of.
    fn tidy(&mut self, at: Moment) {
        if is_within(DAY, self.tidied, at) {
            return;
        }
        self.tidied = Some(at);
        let (device, age) = (self.device.clone(), self.bounds.age);
        let tidying = spawn("tidy", move || {
            if let Err(error) = device.let_go_of_old(age) {
                tracing::warn!("what is too old cannot be let go of: {}", causes(&error));
            }
        });
        if let Err(error) = tidying {
            tracing::warn!("what is too old is not let go of: {error}");
        }
    }

    fn count_no_room(&mut self) {
        self.counts.no_room += 1;
        if self.counts.no_room == 1 {
            tracing::warn!(
                "no pictures are kept for review: less than {} MB of the disk would stay free",
                self.bounds.reserve / 1_000_000
            );
        }
    }
}

/// What the head `version` answers beside; `None` as long as that is being opened.
fn beside<'a>(
    known: &'a mut Option<Known>,
    opening: &mut Option<Opening>,
    (device, version): (&Device, u64),
) -> Result<Option<&'a mut Known>, DeviceError> {
    if known.as_ref().is_none_or(|known| !known.is_of(version)) {
        *known = None;
        let (under_way, patience) = match opening.take().filter(|opening| opening.is_of(version)) {
            Some(under_way) => (under_way, Duration::ZERO),
            None => (Known::opening(device, version), OPENING),
        };
        match under_way.wait(patience) {
            Some(opened) => *known = Some(opened?),
            None => *opening = Some(under_way),
        }
    }
    known.as_mut().map_or(Ok(()), Known::catch_up)?;
    Ok(known.as_mut())
}

impl Witness for Keeping {
    fn see(&mut self, sight: &Sight<'_>) -> Vec<Event> {
        if self.names.contains(sight.camera)
            && let Err(error) = self.look(sight)
        {
            self.counts.failures += 1;
            self.failed = Some(sight.at);
            if self.counts.failures == 1 {
                tracing::error!("a picture cannot be kept for review: {}", causes(&error));
            }
        }
        Vec::new()
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        let Counts { kept, no_room, failures } = self.counts;
        if kept + no_room + failures > 0 {
            tracing::info!(
                "kept for review: {kept} pictures, not for lack of room: {no_room}, not because of an error: {failures}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_change_to_and_fro_disagree_and_one_that_changes_once_does_not() {
        let disagree = |words: &[&str], apart: u64| {
            let mut camera = Camera::default();
            let looks = words.iter().zip(0..).map(|(word, number)| (Moment(number * apart), *word));
            let said = looks.map(|(at, word)| camera.disagrees(at, Some(word).filter(|word| !word.is_empty())));
            said.last().unwrap()
        };
        assert!(disagree(&["cat", "dog", "cat"], 1000));
        assert!(disagree(&["cat", "cat", "dog", "dog", "cat"], 1000));
        assert!(!disagree(&["cat", "cat", "dog", "dog", "dog"], 1000));
        assert!(!disagree(&["cat", "dog", "cat"], 20_000), "that was long ago");
        assert!(!disagree(&["cat", "dog", "cat", ""], 1000), "it says nothing now");
        assert!(!disagree(&["cat", "dog", "cat", "cat", "cat", "cat"], 1000), "it has settled");
    }

    #[test]
    fn one_is_kept_a_cool_down_also_where_the_clock_is_set_back() {
        let camera = Camera { kept: Some(Moment(50_000)), ..Camera::default() };
        let waits = [49_000, 50_000, 59_999, 60_000].map(|at| camera.is_cooling_down(Moment(at)));
        assert_eq!(waits, [false, true, true, false]);
    }
}
